"""A witness follows the checkpoints of a topic by their proofs, whoever else writes there."""

from itertools import pairwise
from pathlib import Path

import pytest

from streams.transparency_log.checkpoint import Checkpoint
from streams.transparency_log.continuation import (
    CheckpointChain,
    continuations,
    parse_continuations,
)
from streams.transparency_log.note import BadNote
from streams.transparency_log.witness import LogRewritten, NotSigned
from tests.support.transparency_logs import FIRST_KEY, SECOND_KEY, Sealed, a_sealed_log

Record = tuple[bytes, bytes]


def published(log: Sealed) -> list[Record]:
    """The checkpoints of a log, each with the proof that it continues the one before it."""
    kept = list(log.checkpoints)
    tree = log.store.tree
    proofs = [
        continuations(tree(new.size), [old.size] if old.size < new.size else [])
        for old, new in pairwise(kept)
    ]
    return [(one.encode(), proof) for one, proof in zip(kept, [b"", *proofs], strict=True)]


def follow(held: Checkpoint | None, records: list[Record]) -> Checkpoint:
    chain = CheckpointChain(held, FIRST_KEY.verifier)
    for content, proofs in records:
        chain.take(content, proofs)
    return chain.newest()


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Sealed:
    return a_sealed_log(tmp_path_factory.mktemp("log"), 700)


def test_the_newest_checkpoint_is_proven_from_each_earlier_one_and_after_a_change_of_keys(
    log: Sealed,
):
    records, kept = published(log), list(log.checkpoints)

    for held in (None, *kept):
        assert follow(held, records) == kept[-1]
    assert len(kept) > 10


def test_what_others_write_to_the_topic_is_passed_over(log: Sealed):
    records, kept = published(log), list(log.checkpoints)
    noise: list[Record] = [
        (b"", b""),
        (b"no checkpoint", b"old 1\n"),
        (records[5][0][:-20] + b"A" * 20, records[5][1]),
        records[2],
        (records[3][0], b"\xff"),
    ]

    assert follow(kept[7], [*noise, *records[:9], *noise, *records[9:], *noise]) == kept[-1]


def test_a_checkpoint_without_a_proof_from_the_one_that_is_held_is_reported(log: Sealed):
    records, kept = published(log), list(log.checkpoints)
    content, proofs = records[-1]
    digit = bytes([proofs[-20] ^ 1])

    for wrong in (b"", b"no proof", proofs[:-45], proofs[:-20] + digit + proofs[-19:]):
        with pytest.raises(LogRewritten, match="has no proof") as raised:
            follow(kept[6], [*records[:-1], (content, wrong)])
        assert (raised.value.held, raised.value.offered) == (kept[6], kept[-1])
    with pytest.raises(LogRewritten, match="has no proof"):
        follow(kept[6], [*records[:8], *records[9:]])


@pytest.mark.parametrize(("size", "found"), [(40, "forked"), (50, "has no proof"), (20, "rolled")])
def test_a_log_that_was_rewritten_with_its_key_is_reported(tmp_path: Path, size: int, found: str):
    log, other = Sealed(tmp_path / "log"), Sealed(tmp_path / "other")
    for one in (log, other):
        one.seal(10)
    log.seal(30)
    other.seal(size - 10, b"another detail")

    with pytest.raises(LogRewritten, match=found):
        follow(log.checkpoints.newest, published(other))


def test_a_log_of_another_key_is_not_followed(tmp_path: Path):
    other = Sealed(tmp_path, SECOND_KEY)
    other.seal(10)

    with pytest.raises(NotSigned):
        follow(None, published(other))


def test_proofs_are_read_as_they_were_written(log: Sealed):
    tree = log.store.tree()

    found = list(parse_continuations(continuations(tree, [1, 255, 256, 699])))

    assert found == [(old, tree.consistency(old)) for old in (1, 255, 256, 699)]
    assert list(parse_continuations(b"")) == []


@pytest.mark.parametrize("content", [b"old 01\n", b"old 1\nAAAA\n", b"old 1\n\n\n", b"new 2\n"])
def test_what_is_not_a_proof_is_refused(content: bytes):
    with pytest.raises(BadNote):
        list(parse_continuations(content))
