"""A witness sees a rollback, a fork and a foreign key, and follows the log's change of keys."""

from pathlib import Path

import pytest

from streams.transparency_log.checkpoint import Checkpoint, next_checkpoint, sign
from streams.transparency_log.export import static_tiles
from streams.transparency_log.witness import (
    LogRewritten,
    NotSigned,
    follow_keys,
    require_consistency,
    require_signature,
)
from tests.support.transparency_logs import FIRST_KEY, ORIGIN, SECOND_KEY, Sealed, a_sealed_log


def test_a_log_that_grows_is_consistent_from_each_checkpoint_to_each_later_one(tmp_path: Path):
    log = a_sealed_log(tmp_path, 700)
    kept, newest = list(log.checkpoints), log.checkpoints.newest

    for held in (None, *kept):
        require_consistency(held, newest, static_tiles(tmp_path))

    assert len(kept) > 10


def test_a_rewritten_log_is_reported_with_both_checkpoints(tmp_path: Path):
    log, other = Sealed(tmp_path / "log"), Sealed(tmp_path / "other")
    log.seal(300)
    held = log.checkpoints.newest
    other.seal(299)
    other.seal(101, b"another detail")
    offered = other.checkpoints.newest

    with pytest.raises(LogRewritten, match="forked") as raised:
        require_consistency(held, offered, static_tiles(tmp_path / "other"))

    assert (raised.value.held, raised.value.offered) == (held, offered)


def test_a_log_that_was_rolled_back_is_reported(tmp_path: Path):
    log = Sealed(tmp_path)
    log.seal(20)
    earlier = log.checkpoints.newest
    log.seal(5)

    with pytest.raises(LogRewritten, match="rolled back: the log has 20 entries"):
        require_consistency(log.checkpoints.newest, earlier, static_tiles(tmp_path))


def test_tiles_that_cannot_prove_the_continuation_are_reported(tmp_path: Path):
    log = Sealed(tmp_path)
    log.seal(20)
    held = log.checkpoints.newest
    log.seal(5)
    for path in (tmp_path / "tile" / "0").rglob("*"):
        if path.is_file():
            path.unlink()

    with pytest.raises(LogRewritten, match="damaged"):
        require_consistency(held, log.checkpoints.newest, static_tiles(tmp_path))


def test_the_key_is_followed_from_checkpoint_to_checkpoint(tmp_path: Path):
    log = a_sealed_log(tmp_path, 300)

    assert follow_keys(FIRST_KEY.verifier, log.checkpoints) == SECOND_KEY.verifier
    require_signature(log.checkpoints.newest, SECOND_KEY.verifier)
    with pytest.raises(NotSigned):
        require_signature(log.checkpoints.newest, FIRST_KEY.verifier)


def test_a_key_that_the_former_key_did_not_name_is_not_followed(tmp_path: Path):
    log = Sealed(tmp_path, SECOND_KEY)
    log.seal(5)
    newest = log.checkpoints.newest
    named = Checkpoint(ORIGIN, 5, newest.root, (f"next-key {SECOND_KEY.verifier}",))

    # The new key alone, the former key alone, and both without naming it.
    for one in (sign(named, SECOND_KEY), sign(named, FIRST_KEY), sign(newest, FIRST_KEY)):
        assert follow_keys(FIRST_KEY.verifier, [one]) == FIRST_KEY.verifier
    assert next_checkpoint(log.store, newest, SECOND_KEY).size == 5
