"""The demo reports unexpected results."""

from typing import Any

import pytest

from streams.demo.collection import BOOKS, FAULTS
from streams.demo.demo_run import Stalled, Watch, accuracy
from streams.demo.expected import surprises
from streams.demo.faults import FAULT_CODES
from streams.demo.report import show


def a_report(**changes: Any) -> dict[str, Any]:
    """The report of a demo with the expected results."""
    counts = {"registered": 12, "packaged": 10, "quarantined": 2, "cancelled": 0, "in_flight": 0}
    nothing = dict.fromkeys(counts, 0)
    cut = f"{BOOKS}.ledger:0002"
    event = {
        "seq": 1,
        "cause_id": "fact-1",
        "occurred_at": "2026-11-22T21:00:00.5Z",
        "event_type": "ingestion",
        "batch_id": BOOKS,
        "item_id": f"{BOOKS}.psalter",
        "page_id": f"{BOOKS}.psalter:0001",
    }
    return {
        "home": "/tmp/demo",
        "set_up_seconds": 5.0,
        "batches": [
            {"batch_id": BOOKS, "state": "settled", **counts},
            {"batch_id": FAULTS, "state": "quarantined", **nothing},
        ],
        "packages": [
            {
                "package_id": f"{BOOKS}.{name}.v1",
                "item_id": f"{BOOKS}.{name}",
                "size_bytes": 5,
                "content_digest": "ab" * 32,
            }
            for name in ("psalter", "reise", "harbour")
        ],
        "quarantined": [
            a_record(BOOKS, cut, "page.not-decodable", []),
            a_record(FAULTS, None, "manifest.faulty", [a_fault(code) for code in FAULT_CODES]),
        ],
        "timeline": {
            "page_id": f"{BOOKS}.psalter:0001",
            "complete": True,
            "events": [{**event, "outcome": "suc", "code": None, "detail": "kept", "agents": []}],
        },
        "accuracy": {"pages": 10, "items": {f"{BOOKS}.psalter": 0.01}, "all": 0.01},
        "pages": 12,
        "seconds": 30.0,
        "pages_per_minute": 24.0,
        "surprises": [],
    } | changes


def a_fault(code: str) -> dict[str, Any]:
    return {"code": code, "where": "items[0]", "found": "x", "fix": "y", "severity": "error"}


def a_record(batch_id: str, page_id: str | None, code: str, faults: list[Any]) -> dict[str, Any]:
    subject = {"batch_id": batch_id, "item_id": None, "page_id": page_id}
    return {**subject, **a_fault(code), "diagnostics": faults}


def test_expected_results_cause_no_message() -> None:
    assert surprises(a_report()) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"packages": []}, "packaged items"),
        ({"quarantined": []}, "the faulty manifest has codes"),
        ({"accuracy": {"pages": 0, "items": {}, "all": None}}, "character error rate"),
        ({"timeline": {"page_id": "x", "events": [], "complete": False}}, "audit log"),
    ],
)
def test_an_unexpected_result_is_reported(change: dict[str, Any], message: str) -> None:
    messages = surprises(a_report(**change))

    assert any(message in one for one in messages)


def test_quarantined_pages_of_a_user_folder_are_reported() -> None:
    assert surprises(a_report(batches=[]), own=True) == [
        "2 quarantine records; see the table above"
    ]


def test_the_report_names_packages_faults_and_figures(capsys: pytest.CaptureFixture[str]) -> None:
    show(a_report())

    shown = capsys.readouterr().out
    for part in ("psalter.v1", "page.not-decodable", "24.0 pages per minute", "1.00%"):
        assert part in shown


def test_watch_ends_when_every_batch_has_ended() -> None:
    steps = iter(
        [[], [{"batch_id": "a", "state": "running"}], [{"batch_id": "a", "state": "settled"}]]
    )
    changes: list[Any] = []

    last = Watch(lambda: next(steps), changes.append, pause_seconds=0).until_ended({"a"})

    assert last == [{"batch_id": "a", "state": "settled"}]
    assert len(changes) == 2


def test_watch_fails_when_nothing_changes() -> None:
    watch = Watch(lambda: [{"batch_id": "a", "state": "running"}], lambda _: None, 0, 0.01)

    with pytest.raises(Stalled, match="running"):
        watch.until_ended({"a"})


def test_accuracy_counts_only_recognized_pages() -> None:
    found = accuracy({"i:0001": "abcd", "i:0009": "?"}, {"i:0001": "abcx", "j:0001": "lost"})

    assert found == {"pages": 1, "items": {"i": 0.25}, "all": 0.25}
