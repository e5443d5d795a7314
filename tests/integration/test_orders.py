"""Capture orders in the tracker, on a real PostgreSQL: requests, states, and what stations read."""

import json
from typing import Any

import pytest

from schemas.catalogue import ORDERS
from schemas.codec import decode
from schemas.models import Act, BatchAccepted, ControlDecided
from streams import free_texts
from streams.capture_orders import ADD, ASSIGN, CLOSE, OrderContent
from streams.monitoring.status import QUERY
from tests.integration.test_persons import asks, decided
from tests.support.line_facts import Delivery, Log
from tests.support.tracker_harness import TrackerHarness
from tests.support.tracker_tables import dump

CONTENT = OrderContent(("Ms. 1", "Ms. 2"), "book-colour", "flatbed", due="2026-12-24")


def adds(order_id: str = "O-1", content: OrderContent = CONTENT) -> Any:
    return asks(ADD, f"order:{order_id}", value=content.value())


def shown(tracker: TrackerHarness) -> dict[str, dict[str, Any]]:
    """What stations read: the last state of each order."""
    states = [json.loads(one.value) for one in tracker.outbox() if one.topic == ORDERS.name]
    return {one["order_id"]: one for one in states}


def of_order(batch: Delivery, order_id: str) -> BatchAccepted:
    act = Act(type="validation", outcome="suc", detail="", sources=(f"order:{order_id}",))
    return batch.accepted().model_copy(update={"acts": (act,)})


def test_an_order_goes_through_its_states(tracker: TrackerHarness):
    batch = Delivery(tracker.storage, "b-1", {"i-1": 1})
    states = []
    for fact in (
        adds(),
        asks(ASSIGN, "order:O-1", value="station-lab"),
        asks(ASSIGN, "order:O-1"),
        batch.received(),
        of_order(batch, "O-1"),
        asks(CLOSE, "order:O-1"),
    ):
        tracker.process(fact)
        states.append((shown(tracker)["O-1"]["state"], shown(tracker)["O-1"]["assigned_to"]))

    assert states == [
        ("open", None),
        ("assigned", "station-lab"),
        ("open", None),
        ("open", None),
        ("started", None),
        ("closed", None),
    ]
    assert shown(tracker)["O-1"]["batches"] == ["b-1"]


def test_the_items_of_an_order_stay_in_the_order_asked(tracker: TrackerHarness):
    items = ("ms-9", "ms-10", "ms-2", "Ms. 1")

    tracker.process(adds("O-2", OrderContent(items, "book-colour")))

    assert shown(tracker)["O-2"]["items"] == list(items)


def test_a_decision_is_published_after_the_state_that_follows_from_it(tracker: TrackerHarness):
    tracker.process(adds())

    topics = [one.topic for one in tracker.outbox_without_events()]
    assert topics.index(ORDERS.name) < topics.index("digitization.control.decided.v1")


def test_the_log_says_what_was_ordered_and_by_whom(tracker: TrackerHarness):
    decision = decided(tracker, adds())

    (act,) = decision.acts
    assert act.detail == (
        "Capture order O-1: 2 items, profile book-colour, priority normal, due 2026-12-24."
    )
    assert "order:O-1" in act.sources
    assert [(one.name, one.role) for one in act.agents] == [("p-1", "authorizer")]


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (adds(), "order.id-taken"),
        (adds("O-2", OrderContent((), "book-colour")), "order.malformed"),
        (adds("O-2", OrderContent(("a",), "p", notes="plain text")), "order.malformed"),
        (asks(ADD, "batch:O-2", value=CONTENT.value()), "order.malformed"),
        (asks(ASSIGN, "order:O-9", value="station"), "order.unknown"),
        (asks(ASSIGN, "order:O-1", value="repository-x"), "order.malformed"),
        (asks(CLOSE, "order:O-9"), "order.unknown"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(
    tracker: TrackerHarness, request_: Any, code: str
):
    tracker.process(asks("register", "person:p-1"), adds())
    before = dump(tracker.conn)

    # A request that was answered has another id.
    event_id = "0" * 8 + request_.head.event_id[8:]
    head = request_.head.model_copy(update={"event_id": event_id})
    decision = decided(tracker, request_.model_copy(update={"head": head}))

    assert (decision.granted, decision.code) == (False, code)
    assert dump(tracker.conn) == before


def test_a_closed_order_stays_closed(tracker: TrackerHarness):
    tracker.process(adds(), asks(CLOSE, "order:O-1"))

    decision = decided(tracker, asks(ASSIGN, "order:O-1", value="station-lab"))

    assert decision.code == "order.closed"


def test_notes_are_shown_to_stations_until_they_are_deleted(tracker: TrackerHarness):
    reference = free_texts.put(tracker.conn, "Ask Mrs. Smith for the key.", "p-1")
    tracker.process(adds(content=OrderContent(("Ms. 1",), "negative", notes=reference)))
    first = shown(tracker)["O-1"]["notes"]
    tracker.process(asks("delete-text", reference))

    assert first == "Ask Mrs. Smith for the key."
    assert "text deleted" in shown(tracker)["O-1"]["notes"]
    others = [one for one in tracker.outbox() if one.topic != ORDERS.name]
    assert not any(b"Smith" in one.value for one in others)
    decisions = [decode(one.value) for one in others if "control.decided" in one.topic]
    assert all(isinstance(one, ControlDecided) and one.granted for one in decisions)


def test_a_batch_may_be_accepted_before_its_order_is_known(tracker: TrackerHarness):
    batch = Delivery(tracker.storage, "b-1", {"i-1": 1})
    tracker.process(batch.received(), of_order(batch, "O-1"))
    tracker.process(adds())

    assert (shown(tracker)["O-1"]["state"], shown(tracker)["O-1"]["batches"]) == (
        "started",
        ["b-1"],
    )


def test_a_rebuild_gives_the_same_orders_and_publishes_them_again(tracker: TrackerHarness):
    batch = Delivery(tracker.storage, "b-1", {"i-1": 1})
    facts = (
        adds(),
        adds("O-2"),
        asks(ASSIGN, "order:O-1", value="station-lab"),
        batch.received(),
        of_order(batch, "O-2"),
        asks(CLOSE, "order:O-2"),
        asks(ASSIGN, "order:O-2", value="station"),
    )
    for fact in facts:
        tracker.process(fact)
    before, states = dump(tracker.conn), shown(tracker)

    published = [one for one in tracker.outbox_without_events() if one.topic != ORDERS.name]
    tracker.rebuild(published, Log()(*facts))

    assert dump(tracker.conn) == before
    assert shown(tracker) == states


def test_an_order_that_no_station_has_is_found_after_its_time(tracker: TrackerHarness):
    tracker.process(adds(), adds("O-2"), asks(ASSIGN, "order:O-2", value="station-lab"))

    def untaken(hours: float) -> list[str]:
        rows = tracker.conn.execute(QUERY("untaken_orders"), {"hours": hours}).fetchall()
        return [row[0] for row in rows]

    assert untaken(1) == ["O-1"]
    assert untaken(24 * 365 * 100) == []
