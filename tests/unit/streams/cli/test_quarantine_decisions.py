"""`copystand quarantine reject`: what the decisions of the tracker mean for the command."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from click.testing import CliRunner, Result

from schemas.models import ControlDecided, ControlRequested
from streams.cli.main import cli
from tests.support.builders import a_head

RECORDS = [
    {"quarantine_id": f"q-{n}", "batch_id": "b-1", "item_id": "vol-1", "page_id": f"vol-1:000{n}",
     "revision": 1}
    for n in (1, 2)
]  # fmt: skip
GRANTED = (None, None)
CLOSED = ("quarantine.not-open", "Record q-2 is rejected; nothing is to be decided.")
CANCELLED = ("batch.over", "The batch was cancelled.")


@pytest.fixture
def tracker_decides(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes the tracker answer the requests about RECORDS, in order, with a code and a fix each."""

    def decides(*answers: tuple[str | None, str | None]) -> None:
        def answer(
            _settings: object, requests: Sequence[ControlRequested], _timeout: float
        ) -> list[ControlDecided]:
            return [_decided(*pair) for pair in zip(requests, answers, strict=True)]

        monkeypatch.setattr("streams.cli.requests.send_requests", answer)

    monkeypatch.setattr("streams.cli.quarantine_decisions.rows", lambda _query, _values: RECORDS)
    return decides


def _decided(fact: ControlRequested, answer: tuple[str | None, str | None]) -> ControlDecided:
    code, fix = answer
    asked = fact.model_dump(include={"action", "subjects", "value", "by", "reason"})
    return ControlDecided(head=a_head(), granted=code is None, code=code, fix=fix, **asked)


def reject(*selection: str) -> Result:
    words = ("quarantine", "reject", *selection, "--by", "p-4", "--reason", "lost")
    return CliRunner().invoke(cli, words)


def test_rejecting_a_batch_succeeds_when_one_rejection_closed_the_next_record(tracker_decides):
    tracker_decides(GRANTED, CLOSED)

    result = reject("--batch", "b-1")

    assert result.exit_code == 0
    assert result.stdout == "reject: 1 of 2 requests granted, 1 already closed\n"


def test_the_document_of_such_a_rejection_is_granted_and_has_both_decisions(tracker_decides):
    tracker_decides(GRANTED, CLOSED)

    document = json.loads(reject("--batch", "b-1", "--json").stdout)

    assert (document["granted"], document["code"], document["fix"]) == (True, None, None)
    assert [one["code"] for one in document["decisions"]] == [None, "quarantine.not-open"]


def test_a_refusal_for_another_reason_exits_with_1(tracker_decides):
    tracker_decides(GRANTED, CANCELLED)

    result = reject("--batch", "b-1")

    assert result.exit_code == 1
    assert "quarantine:q-2 batch.over: The batch was cancelled." in result.stdout
    assert "1 of 2 requests refused; first code: batch.over" in result.stderr


def test_a_closed_record_that_was_named_exits_with_1(tracker_decides):
    tracker_decides(GRANTED, CLOSED)

    assert reject("q-1", "q-2").exit_code == 1


def test_a_refusal_of_one_record_gives_its_advice_once(tracker_decides):
    tracker_decides(CANCELLED)

    result = reject("q-1")

    assert result.exit_code == 1
    assert (result.stdout, result.stderr.count("The batch was cancelled.")) == ("", 1)


@pytest.mark.parametrize("selection", [(), ("q-1", "--batch", "b-1")])
def test_records_are_selected_either_by_id_or_by_a_filter(selection):
    assert reject(*selection).exit_code == 2
