"""What the topic has beyond the log is the sealer's only if it was planned, or has a proof."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from schemas.codec import encode
from streams.audit.sealed_record import Seal, SealedRecord, schema_digest
from streams.sealer.log_order import LogRecord
from streams.sealer.planned_batch import PlanFile
from streams.sealer.record_proofs import proof_of
from streams.sealer.sealed_log import SealedLog
from streams.sealer.validation import valid_event
from streams.transparency_log.log_store import LogStore
from tests.support.audit_log import an_event


def records(first: int, count: int, sealed_at: int = 1) -> list[SealedRecord]:
    made = []
    for number in range(first, first + count):
        value = encode(an_event(number))
        seal = Seal(number, sealed_at, schema_digest(value))
        made.append(SealedRecord(an_event(number).head.event_id, value, seal))
    return made


KEY, OTHER_KEY = b"the key of this home", b"another key"


def accepted(
    log: SealedLog, found: Sequence[SealedRecord], proof_key: bytes | None = None
) -> list[bool]:
    """Whether the log agrees with records, without a proof or with that of a key."""
    return [
        log.agrees(
            LogRecord(
                *(0, one.seal, valid_event(one.event)),
                proof_of(one.leaf, proof_key) if proof_key else b"",
            )
        )
        for one in found
    ]


@pytest.fixture
def log(tmp_path: Path) -> SealedLog:
    log = SealedLog(LogStore(tmp_path / "log"))
    log.trust(lambda: KEY)
    return log


def test_a_new_log_takes_what_the_topic_has(log: SealedLog):
    log.read_plan()

    assert accepted(log, records(0, 3)) == [True] * 3


def test_after_a_crash_only_the_planned_batch_is_taken(log: SealedLog):
    log.append(records(0, 3))
    log.plan(records(3, 2), (3, 5))

    log.read_plan()

    assert accepted(log, records(3, 2)) == [True, True]
    assert accepted(log, records(3, 2, sealed_at=2)) == [False, False]
    assert accepted(log, records(5, 1)) == [False]


def test_a_forged_record_with_the_next_number_is_not_taken(log: SealedLog):
    log.plan(records(0, 3), (0, 3))
    log.append(records(0, 3))

    log.read_plan()

    assert accepted(log, records(3, 1)) == [False]
    assert accepted(log, records(3, 1), OTHER_KEY) == [False]


def test_a_home_that_is_older_than_the_topic_takes_what_has_a_proof_of_its_key(log: SealedLog):
    log.plan(records(0, 3), (0, 3))
    log.append(records(0, 3))

    assert accepted(log, records(3, 4), KEY) == [True] * 4


def test_a_proof_is_about_one_record_with_its_number_and_time(log: SealedLog):
    log.plan(records(0, 3), (0, 3))
    log.append(records(0, 3))
    (sealed,) = records(3, 1)
    event = valid_event(sealed.event)
    proof = proof_of(sealed.leaf, KEY)

    for seal in (Seal(4, 1, event.schema_sha256), Seal(3, 2, event.schema_sha256)):
        assert not log.agrees(LogRecord(0, seal, event, proof))
    assert not log.agrees(LogRecord(0, sealed.seal, event, proof[:-1]))


def test_a_log_that_lost_its_end_takes_records_of_before_there_were_proofs(
    log: SealedLog, tmp_path: Path
):
    log.append(records(0, 5))
    log.plan(records(5, 2), (5, 7))
    older = SealedLog(LogStore(tmp_path / "older"))  # beside the same plan
    older.append(records(0, 2))

    assert accepted(older, records(2, 3)) == [True] * 3
    assert accepted(older, records(2, 3), OTHER_KEY) == [False] * 3


@pytest.mark.parametrize(("size", "end"), [(3, 7), (5, 9), (6, 9)])
def test_the_intake_is_sealed_up_to_the_planned_batch_or_with_it(
    log: SealedLog, size: int, end: int
):
    log.append(records(0, 3))
    log.plan(records(3, 2), (7, 9))
    log.append(records(3, size - 3))

    assert log.intake_end() == end


def test_without_a_plan_the_broker_decides_where_the_intake_is(log: SealedLog):
    assert log.intake_end() is None


def test_the_plan_of_an_event_without_an_intake_keeps_the_last_offset(tmp_path: Path):
    file = PlanFile(tmp_path / "planned.json")
    file.write(0, [b"a"], (4, 7))

    file.write(1, [b"b"], None)

    found = file.read()
    assert found is not None and found.first_seq == 1
    assert (found.first_intake, found.next_intake) == (7, 7)


def test_an_event_without_an_intake_does_not_pass_over_a_batch_that_was_not_written(
    tmp_path: Path,
):
    file = PlanFile(tmp_path / "planned.json")
    file.write(3, [b"a"], (4, 7))

    file.write(3, [b"b"], None)

    found = file.read()
    assert found is not None and found.reached(4) == 4


def test_a_plan_of_an_earlier_version_lets_an_unwritten_batch_be_read_from_the_beginning(
    tmp_path: Path,
):
    text = '{"first_seq": 3, "hashes": ["00"], "next_intake": 8, "reads_intake": true}'
    (tmp_path / "planned.json").write_text(text)

    found = PlanFile(tmp_path / "planned.json").read()

    assert found is not None and (found.reached(3), found.reached(4)) == (0, 8)


@pytest.mark.parametrize("content", ["", "{}", '{"hashes": ["x"], "first_seq": 1}'])
def test_a_damaged_plan_is_none(tmp_path: Path, content: str):
    (tmp_path / "planned.json").write_text(content)

    assert PlanFile(tmp_path / "planned.json").read() is None
