"""Truncates the partitions of a broker that does not run, as a disk does that forgot their ends."""

from collections.abc import Iterator
from pathlib import Path

LENGTH_AT, HEAD = 8, 12
ATTRIBUTES_AT, CONTROL, TRANSACTIONAL = 21, 0x20, 0x10


def truncate(data: Path, topic: str, share: float) -> int:
    """Keep this share of the batches of each partition of a topic; gives how many are lost.

    A partition of transactions ends with the marker of one, so that none is left open."""
    lost = 0
    for folder in sorted(data.glob(f"{topic}-*")):
        for log in folder.glob("*.log"):
            content = log.read_bytes()
            ends = list(_ends(content))
            kept = [end for end, closed in ends[: int(len(ends) * share)] if closed]
            with log.open("r+b") as file:
                file.truncate(kept[-1] if kept else 0)
            lost += sum(end > (kept[-1] if kept else 0) for end, _ in ends)
        for index in [*folder.glob("*index"), *folder.glob("*.snapshot")]:
            index.unlink()
    return lost


def _ends(content: bytes) -> Iterator[tuple[int, bool]]:
    """Where each batch ends, and whether no transaction is open there (KIP-98, batch format v2)."""
    at = 0
    while at + HEAD < len(content):
        length = int.from_bytes(content[at + LENGTH_AT : at + HEAD], "big")
        if length <= 0:
            return  # preallocated
        attributes = content[at + ATTRIBUTES_AT + 1]
        at += HEAD + length
        yield at, bool(attributes & CONTROL) or not attributes & TRANSACTIONAL
