"""A record of the topic is compared with the leaf that the newest checkpoint signs."""

from pathlib import Path

import pytest

from schemas.codec import encode
from streams.audit.sealed_record import Seal, SealedRecord, schema_digest
from streams.audit.signed_leaves import NotSignedYet, SignedLeaves
from streams.transparency_log.tiles import DamagedLog
from tests.support.audit_log import an_event
from tests.support.transparency_logs import Sealed


def a_record(seq: int, detail: str = "all is well") -> SealedRecord:
    event = an_event(seq, detail)
    value = encode(event)
    return SealedRecord(event.head.event_id, value, Seal(seq, 1, schema_digest(value)))


def a_log(folder: Path, count: int) -> Sealed:
    log = Sealed(folder)
    log.store.append([a_record(seq).leaf for seq in range(count)])
    log.sign()
    return log


def test_a_record_is_accepted_only_as_it_was_sealed(tmp_path: Path):
    a_log(tmp_path, 300)
    leaves = SignedLeaves(tmp_path, "premis")

    assert all(leaves.has(a_record(seq)) for seq in (0, 255, 256, 299, 1))
    assert not leaves.has(a_record(5, "forged"))


def test_a_record_without_a_checkpoint_waits_for_it(tmp_path: Path):
    log, leaves = a_log(tmp_path, 3), SignedLeaves(tmp_path, "premis")
    log.store.append([a_record(3).leaf])
    with pytest.raises(NotSignedYet):
        leaves.has(a_record(3))

    log.sign()

    assert leaves.has(a_record(3))
    assert not leaves.has(a_record(3, "forged"))


def test_before_the_first_checkpoint_of_a_log_nothing_is_accepted(tmp_path: Path):
    Sealed(tmp_path)

    with pytest.raises(NotSignedYet):
        SignedLeaves(tmp_path, "premis").has(a_record(0))


def test_without_a_log_on_this_machine_nothing_is_compared(tmp_path: Path):
    leaves = SignedLeaves(tmp_path / "none", "premis")

    assert leaves.has(a_record(5, "forged"))
    assert leaves.topic() == "premis"


def test_a_missing_tile_is_not_taken_for_a_forged_record(tmp_path: Path):
    a_log(tmp_path, 300)
    (tmp_path / "tile" / "0" / "000").unlink()

    with pytest.raises(DamagedLog):
        SignedLeaves(tmp_path, "premis").has(a_record(5))
