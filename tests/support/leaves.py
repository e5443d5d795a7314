"""Leaves of logs that tests append, and what a log of them must give."""

from streams.transparency_log.log_store import LogStore
from streams.transparency_log.merkle import leaf_hashes, root_of


def leaves(start: int, end: int) -> list[bytes]:
    """Leaves of several lengths, each another one."""
    return [f"{number}:".encode() + bytes(number % 7) for number in range(start, end)]


def assert_is_log_of(opened: LogStore, expected: list[bytes]) -> None:
    hashes = leaf_hashes(expected)
    assert opened.size == len(expected)
    assert list(opened.leaves()) == expected
    assert opened.root() == root_of(hashes)
