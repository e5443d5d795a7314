"""The router takes nothing over from a sender's head that it did not check."""

from pathlib import Path
from typing import Any

import pytest

from processors.outcome import Done, ErrorClass, Outcome, Rejected, TryLater
from processors.pipeline import router_steps
from processors.route import accept_capture, accept_receipt, proven_subject, receive_batch
from processors.tools import Area, Tools
from schemas import ids
from schemas.catalogue import topic_of
from schemas.codec import encode
from schemas.models import BatchSubmitted, Fact, FileRef, Head, PackageReceived, PageCaptured
from streams.execution.facts import FactBuilder, Work
from streams.kafka.messages import Incoming
from streams.storage.memory import MemoryStorage
from tests.support.builders import a_file, a_head, a_page, a_submission

OTHERS = {"item_id": "vol-9", "page_id": "vol-9:0007", "revision": -7}
"""What belongs to another batch."""


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    return Tools(storage=MemoryStorage(tmp_path), scratch=tmp_path)


def stored_submission(tools: Tools, **changes: Any) -> BatchSubmitted:
    manifest = tools.storage.keep(b"{}", area=Area.STAGING, use="manifest", media_type="a/b")
    head = a_submission().head.model_copy(update=changes)
    return a_submission().model_copy(update={"head": head, "files": (manifest,)})


def a_capture(files: tuple[FileRef, ...] = (), operator: str | None = None, **head: Any):  # type: ignore[no-untyped-def]
    return PageCaptured(head=a_head(**head), sequence=1, files=files, operator=operator)


def an_answer(package_id: str = "vol-1.v1", **head: Any) -> PackageReceived:
    return PackageReceived(
        head=a_head(**head), package_id=package_id, accepted=True, repository="archive"
    )


def head_of(outcome: Outcome) -> tuple[str | None, str | None, str | None, int]:
    assert isinstance(outcome, Done), outcome
    return named(outcome.facts[0].head)


def named(head: Head) -> tuple[str | None, str | None, str | None, int]:
    return head.batch_id, head.item_id, head.page_id, head.revision


def code_of(outcome: Outcome) -> str:
    assert isinstance(outcome, Rejected), outcome
    return outcome.code


def test_a_received_batch_names_its_batch_and_no_item_or_page_of_the_sender(tools: Tools):
    submission = stored_submission(tools, **OTHERS | {"revision": 1})

    assert head_of(receive_batch(submission, tools)) == ("b-1", None, None, 1)


@pytest.mark.parametrize("revision", [-7, 0, 2, 10**9])
def test_a_submission_without_release_has_revision_1(tools: Tools, revision: int):
    refused = receive_batch(stored_submission(tools, revision=revision), tools)

    assert code_of(refused) == "submission.revision-wrong"


def test_a_corrected_submission_keeps_its_revision(tools: Tools):
    corrected = stored_submission(tools, revision=2).model_copy(update={"release": "q-1"})

    assert head_of(receive_batch(corrected, tools)) == ("b-1", None, None, 2)


@pytest.mark.parametrize(
    "head",
    [
        {"page_id": "vol-1"},
        {"page_id": "../x:1"},
        {"page_id": None},
        {"item_id": "vol-2"},
        {"batch_id": "b/1"},
        {"revision": -7},
    ],
)
def test_a_capture_names_a_page_of_its_own_item(tools: Tools, head: dict[str, Any]):
    assert code_of(accept_capture(a_capture(**head), tools)) == "capture.subject-missing"


def test_an_accepted_capture_names_its_page(tools: Tools):
    captured = accept_capture(a_capture(files=(a_file(),)), tools)

    assert head_of(captured) == ("b-1", "vol-1", "vol-1:0001", 1)


@pytest.mark.parametrize("area", ["masters", "derivatives", "packages", "receipts/records"])
def test_a_capture_cannot_take_a_file_of_another_area(tools: Tools, area: str):
    file = a_file(key=f"{area}/sha256/ab/{'ab' * 32}")

    assert code_of(accept_capture(a_capture(files=(file,)), tools)) == "file.not-staged"


def test_a_capture_names_its_operator_by_a_pseudonym(tools: Tools):
    refused = accept_capture(a_capture(operator="Anna Schmidt"), tools)

    assert code_of(refused) == "person.not-a-pseudonym"


def test_the_name_of_an_operator_is_not_repeated_in_the_refusal(tools: Tools):
    capture = accept_capture(a_capture(operator="Anna Schmidt"), tools)
    named = stored_submission(tools).model_copy(update={"operator": "Anna Schmidt"})
    batch = receive_batch(named, tools)

    for refused in (capture, batch):
        assert code_of(refused) == "person.not-a-pseudonym"
        assert "Anna" not in str(refused) and "operator of 12 characters" in str(refused)


def test_a_receipt_names_the_item_of_its_package_and_no_batch_that_did_not_assemble_it(
    tools: Tools,
):
    answer = accept_receipt(an_answer("vol-2.v3", batch_id="b-9", **OTHERS), tools)

    assert head_of(answer) == (None, "vol-2", None, 3)


@pytest.mark.parametrize("attempt", [None, 1])
def test_a_receipt_names_the_batch_that_assembled_its_package(tools: Tools, attempt: int | None):
    work = ids.work_id(ids.make_id("vol-1", 1, "ItemCompleted"), "assemble_package")
    tools.storage.put_new(ids.receipt_key("b-1", work, attempt), b"a receipt")

    assert head_of(accept_receipt(an_answer(), tools)) == ("b-1", "vol-1", None, 1)


@pytest.mark.parametrize("package_id", ["", "vol-1", "vol-1.v0", "vol-1.v-7", "../x.v1"])
def test_an_answer_names_a_package(tools: Tools, package_id: str):
    refused = accept_receipt(an_answer(package_id), tools)

    assert code_of(refused) == "receipt.package-malformed"


@pytest.mark.parametrize(
    "outcome",
    [
        Rejected("receipt.reason-missing", "found", "fix"),
        TryLater("the store does not respond", ErrorClass.STORAGE),
    ],
    ids=lambda outcome: type(outcome).__name__,
)
@pytest.mark.parametrize(
    ("fact", "batch_id"),
    [
        (an_answer(**OTHERS), None),
        (a_capture(**OTHERS), None),
        (a_submission(head=a_head(batch_id="b-1", **OTHERS)), None),
        (
            a_submission(
                head=a_head(batch_id="b-1", event_id=ids.make_id("b-1", "cd" * 32), **OTHERS)
            ),
            "b-1",
        ),
    ],
    ids=["answer", "capture", "submission with another id", "submission"],
)
def test_the_record_of_a_failure_names_nothing_of_another_batch(
    tools: Tools, fact: Fact, batch_id: str | None, outcome: Outcome
):
    step = next(step for step in router_steps() if isinstance(fact, step.takes))
    message = Incoming(topic_of(type(fact).__name__).name, 0, 0, b"k", encode(fact), {})

    (record,) = FactBuilder(tools.storage, "1").facts(Work(step, fact, message), outcome)

    assert named(record.head) == (batch_id, None, None, 1)


def test_the_facts_of_the_line_keep_their_subject():
    assert proven_subject(a_page()) == a_page().head
