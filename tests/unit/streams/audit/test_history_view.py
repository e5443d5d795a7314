"""The printed history: events below the fact that caused them, and text that a terminal can show."""

from typing import Any

from streams.audit.history_view import history_view
from streams.console import out


def an_event(seq: int, event_type: str = "ingestion", **changes: Any) -> dict[str, Any]:
    return {
        "seq": seq,
        "cause_id": "fact-1",
        "occurred_at": "2026-05-04T09:30:04.250000Z",
        "event_type": event_type,
        "outcome": "suc",
        "code": None,
        "agents": [],
        "detail": "Master stored.",
        "batch_id": "b-1",
        "item_id": "i-1",
        "page_id": "i-1:0001",
    } | changes


def lines(events: list[dict[str, Any]], **options: Any) -> list[str]:
    with out.capture() as captured:
        out.print(history_view(events, **options))
    return [line.strip() for line in captured.get().splitlines()]


def test_events_of_one_fact_are_listed_below_its_time_and_subject():
    events = [an_event(7), an_event(8, "fixity check")]

    heading, *listed = lines(events)

    assert heading == "2026-05-04 09:30:04  i-1:0001"
    assert [line.split()[0] for line in listed] == ["7", "8"]


def test_the_next_fact_has_a_heading_of_its_own():
    events = [an_event(7), an_event(8, cause_id="fact-2", page_id=None)]

    headings = [line for line in lines(events) if line.startswith("2026")]

    assert [line.split()[-1] for line in headings] == ["i-1:0001", "i-1"]


def test_a_code_is_printed_before_its_detail():
    event = an_event(7, outcome="war", code="page.icc-missing", detail="No profile.")

    assert lines([event])[1].split("  ")[-1] == "page.icc-missing: No profile."


def test_the_agents_are_listed_below_the_detail():
    agents = [{"name": "libvips", "version": "8.14"}, {"name": "w\x1b-1", "version": None}]

    assert lines([an_event(7, agents=agents)])[-1] == r"by libvips 8.14, w\x1b-1"


def test_a_row_that_is_not_as_it_was_sealed_is_marked():
    shown = lines([an_event(7), an_event(8, differs="differs in: detail")])

    assert ["NOT AS SEALED" in line for line in shown] == [False, False, True]


def test_a_detail_is_cut_and_shows_markup_and_control_characters_as_text():
    event = an_event(7, detail="[red]\x1b" + "x" * 30)

    assert lines([event], detail_length=10)[1].split("  ")[-1] == r"[red]\x1b…"
