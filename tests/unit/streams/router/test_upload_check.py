"""The router takes a batch only when its sender stored what the manifest names."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from processors.outcome import rejected
from processors.pipeline import router_steps
from schemas import ids
from schemas.catalogue import topic_of
from schemas.models import Fact
from streams.execution.facts import FactBuilder, Work, outgoing
from streams.execution.receipts import Receipts
from streams.kafka.messages import Incoming
from streams.known_senders import KnownSenders
from streams.router.upload_check import UploadCheck
from streams.signatures import new_key
from streams.storage.memory import MemoryStorage
from streams.uploads.upload_record import write_record
from streams.uploads.upload_records import WITHOUT_RECORD, UploadRecords
from tests.support.builders import a_submission

TOPIC = topic_of("BatchSubmitted").name
LAB = new_key("station-lab")
BATCH = a_submission()
STEP = next(step for step in router_steps() if isinstance(BATCH, step.takes))


@pytest.fixture
def storage(tmp_path: Path) -> MemoryStorage:
    return MemoryStorage(tmp_path / "files")


@pytest.fixture
def check(tmp_path: Path, storage: MemoryStorage) -> UploadCheck:
    known = KnownSenders(tmp_path)
    known.add(LAB, "station")
    known.require_records_from({(TOPIC, 0): 5})
    return UploadCheck(UploadRecords(known, storage), Receipts(storage))


def a_work(fact: Fact = BATCH, offset: int = 7, **headers: str) -> Work:
    named = {"sender": LAB.sender, "key_id": LAB.key_id} | headers
    encoded = {name: value.encode() for name, value in named.items()}
    return Work(STEP, fact, Incoming(TOPIC, 0, offset, b"b-1", b"", encoded))


def test_a_batch_whose_manifest_has_a_record_is_taken(check: UploadCheck, storage: MemoryStorage):
    write_record(storage, LAB, BATCH.files[0])

    assert check(a_work()) is None


def test_a_batch_without_one_is_refused_with_a_fix(check: UploadCheck):
    refused = check(a_work())

    assert refused is not None
    assert (refused.code, refused.where) == (WITHOUT_RECORD, "manifest")
    assert "no upload record of station-lab for staging/" in refused.found
    assert "station submit" in refused.fix


def test_a_batch_that_lies_unread_from_an_earlier_version_is_taken(check: UploadCheck):
    assert check(a_work(offset=4)) is None


def first_answer(storage: MemoryStorage, at: datetime, attempt: int | None) -> None:
    """A receipt of the first attempt, from this time."""
    facts = FactBuilder(storage, "1", clock=lambda: at)
    work = a_work()
    messages = outgoing(facts.facts(work, rejected("batch.id-malformed", "found")))
    Receipts(storage).keep(BATCH.head.batch_id, work.work_id, attempt, messages)


@pytest.mark.parametrize("attempt", [None, 1])
@pytest.mark.parametrize(("hours", "taken"), [(-1, True), (1, False)])
def test_a_repeated_batch_is_judged_by_its_first_answer(
    check: UploadCheck, storage: MemoryStorage, hours: int, taken: bool, attempt: int | None
):
    first_answer(storage, datetime.now(UTC) + timedelta(hours=hours), attempt)

    repeated = check(a_work(offset=0, step=STEP.name, cause=ids.make_id("a decision")))

    assert (repeated is None) == taken


def test_a_repeated_batch_without_a_first_answer_is_refused(check: UploadCheck):
    assert check(a_work(offset=0, step=STEP.name)) is not None
