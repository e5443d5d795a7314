"""What the topic has beyond the log is the sealer's only if it is the batch that was planned."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from schemas.codec import encode
from streams.audit.sealed_record import Seal, SealedRecord, schema_digest
from streams.sealer.log_order import LogRecord
from streams.sealer.planned_batch import PlanFile
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


def accepted(log: SealedLog, found: Sequence[SealedRecord]) -> list[bool]:
    return [log.agrees(LogRecord(0, one.seal, valid_event(one.event))) for one in found]


@pytest.fixture
def log(tmp_path: Path) -> SealedLog:
    return SealedLog(LogStore(tmp_path / "log"))


def test_a_new_log_takes_what_the_topic_has(log: SealedLog):
    log.expect_plan()

    assert accepted(log, records(0, 3)) == [True] * 3


def test_after_a_crash_only_the_planned_batch_is_taken(log: SealedLog):
    log.append(records(0, 3))
    log.plan(records(3, 2), 5)

    log.expect_plan()

    assert accepted(log, records(3, 2)) == [True, True]
    assert accepted(log, records(3, 2, sealed_at=2)) == [False, False]
    assert accepted(log, records(5, 1)) == [False]


def test_a_forged_record_with_the_next_number_is_not_taken(log: SealedLog):
    log.plan(records(0, 3), 3)
    log.append(records(0, 3))

    log.expect_plan()

    assert accepted(log, records(3, 1)) == [False]
    assert not log.expect_another_sealer(committed=3)


@pytest.mark.parametrize(("committed", "another"), [(2, False), (3, True), (4, True)])
def test_another_sealer_is_known_by_the_intake_that_it_has_read(
    log: SealedLog, committed: int, another: bool
):
    log.plan(records(0, 3), 3)  # and the topic does not have them
    log.expect_plan()

    assert log.expect_another_sealer(committed) == another
    assert accepted(log, records(0, 3, sealed_at=9)) == [another] * 3


def test_a_batch_that_reads_no_intake_and_is_not_on_the_topic_is_not_from_another_sealer(
    log: SealedLog,
):
    log.plan(records(0, 3), 3)
    log.append(records(0, 3))
    log.plan(records(3, 1), None)
    log.expect_plan()

    assert not log.expect_another_sealer(committed=3)
    assert log.expect_another_sealer(committed=4)


def test_the_plan_of_an_event_without_an_intake_keeps_the_last_offset(tmp_path: Path):
    file = PlanFile(tmp_path / "planned.json")
    file.write(0, [b"a"], 7)

    file.write(1, [b"b"], None)

    found = file.read()
    assert found is not None and (found.first_seq, found.next_intake) == (1, 7)


@pytest.mark.parametrize("content", ["", "{}", '{"hashes": ["x"], "first_seq": 1}'])
def test_a_damaged_plan_is_none(tmp_path: Path, content: str):
    (tmp_path / "planned.json").write_text(content)

    assert PlanFile(tmp_path / "planned.json").read() is None
