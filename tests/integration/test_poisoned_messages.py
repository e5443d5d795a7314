"""Messages that make the tracker's work fail, on a real PostgreSQL: each is quarantined alone."""

import json
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from processors.outcome import StorageError
from processors.tools import Area
from schemas.codec import encode
from schemas.models import ControlDecided, FileRef, Head, PageAdmitted, WorkQuarantined
from streams.kafka.messages import Incoming
from streams.runtime.role_files import WaitReasons, wait_reason
from streams.settings import Settings
from streams.storage.memory import MemoryStorage
from streams.topology import RELEASED
from streams.tracker.rebuild import store_decided
from streams.tracker.role import ENDS_THE_PROCESS, Turns
from streams.tracker.turn_guard import MOST_ENDS, TurnGuard
from tests.support.line_facts import Delivery, a_request
from tests.support.tracker_harness import TrackerHarness

PAGE = "vol-1:0002"


@pytest.fixture
def batch(tracker: TrackerHarness, storage: MemoryStorage) -> Delivery:
    """A batch with one item of two pages, which waits for its second page."""
    batch = Delivery(storage, "b-1", {"vol-1": 2})
    tracker.process(batch.received(), batch.accepted(), batch.registered("vol-1"))
    tracker.process(batch.acquired("vol-1:0001"), batch.recognized("vol-1:0001"))
    return batch


def finish(tracker: TrackerHarness, batch: Delivery) -> dict[str, Any]:
    """Process what the batch waits for; returns its counts."""
    tracker.process(batch.acquired(PAGE), batch.recognized(PAGE), batch.published("vol-1"))
    return tracker.counts("b-1")


def last_code(tracker: TrackerHarness) -> str | None:
    return str(tracker.published(ControlDecided)[-1].code)


def codes(tracker: TrackerHarness) -> list[str]:
    return [record.code for record in tracker.published(WorkQuarantined)]


def named(head: Head) -> tuple[str | None, str | None, str | None, int]:
    return head.batch_id, head.item_id, head.page_id, head.revision


def test_a_release_without_its_original_is_refused_until_the_original_is_restored(
    tracker: TrackerHarness, storage: MemoryStorage, batch: Delivery
):
    record = batch.page_quarantined(PAGE, "acquire_page")
    tracker.process(record)
    name = f"quarantine:{record.head.event_id}"
    original = storage.objects.pop(record.files[0].key)

    tracker.process(a_request("release", name))
    refused = last_code(tracker)
    storage.objects[record.files[0].key] = original
    tracker.process(a_request("release", name, value="again"))

    assert refused == "quarantine.original-missing"
    assert tracker.published(ControlDecided)[-1].granted
    assert finish(tracker, batch)["packaged"] == 2


def test_an_original_that_is_lost_after_the_release_gives_another_record(
    tracker: TrackerHarness, storage: MemoryStorage
):
    batch = Delivery(storage, "b-1", {"vol-1": 2})
    record = batch.page_quarantined(PAGE, "recognize_page")
    tracker.process(batch.received(), record)
    tracker.process(a_request("release", f"quarantine:{record.head.event_id}"))
    granted = tracker.published(ControlDecided)[-1].granted
    storage.objects.pop(record.files[0].key)

    tracker.process(batch.accepted(), batch.registered("vol-1"))

    (second,) = tracker.published(WorkQuarantined)
    assert granted
    assert (second.code, second.step) == ("quarantine.original-missing", "recognize_page")
    assert (second.head.page_id, second.files) == (PAGE, record.files)
    assert tracker.counts("b-1")["registered"] == 2


@pytest.mark.parametrize("area", [Area.MASTERS, Area.DERIVATIVES, Area.PACKAGES, Area.RECORDS])
def test_a_release_cannot_take_a_file_of_another_batch(
    tracker: TrackerHarness, storage: MemoryStorage, batch: Delivery, area: Area
):
    record = batch.page_quarantined(PAGE, "acquire_page")
    tracker.process(record)
    other: FileRef = storage.keep(b"a master", area=area, use="capture", media_type="image/tiff")

    name = f"quarantine:{record.head.event_id}"
    tracker.process(a_request("release", name, value="a.tif", file=other))

    assert last_code(tracker) == "file.not-staged"
    assert tracker.counts("b-1")["quarantined"] == 2  # the item is held with its page


@pytest.mark.parametrize("action", ["release", "reject"])
def test_a_decision_names_the_subject_of_its_record_and_nothing_of_the_sender(
    tracker: TrackerHarness, batch: Delivery, action: str
):
    record = batch.page_quarantined(PAGE, "acquire_page")
    tracker.process(record)
    request = a_request(action, f"quarantine:{record.head.event_id}")
    lies = {"batch_id": "b-9", "item_id": "vol-9", "page_id": "vol-9:0001", "revision": -7}
    head = request.head.model_copy(update=lies)

    tracker.process(request.model_copy(update={"head": head}))

    assert named(tracker.published(ControlDecided)[-1].head) == ("b-1", "vol-1", PAGE, 1)


def test_a_decision_about_an_unknown_batch_names_nothing_else(tracker: TrackerHarness):
    request = a_request("pause", "batch:b-9")
    lies = {"batch_id": "b-1", "item_id": "vol-1", "page_id": PAGE}
    head = request.head.model_copy(update=lies)

    tracker.process(request.model_copy(update={"head": head}))

    decided = tracker.published(ControlDecided)[-1]
    assert (decided.code, *named(decided.head)) == ("batch.unknown", "b-9", None, None, 1)


def test_a_person_who_is_named_by_no_pseudonym_is_refused_and_not_recorded(
    tracker: TrackerHarness, batch: Delivery
):
    request = a_request("cancel", "batch:b-1").model_copy(update={"by": "Anna Schmidt"})

    tracker.process(request)

    decided = tracker.published(ControlDecided)[-1]
    assert (decided.code, decided.by) == ("person.not-a-pseudonym", "unknown")
    assert not any(b"Anna Schmidt" in message.value for message in tracker.outbox())
    assert finish(tracker, batch)["packaged"] == 2


def test_a_record_that_names_a_page_of_another_batch_does_not_hold_the_page(
    tracker: TrackerHarness, batch: Delivery
):
    record = batch.page_quarantined(PAGE, "router")
    other = record.head.model_copy(update={"batch_id": "b-9"})

    tracker.process(record.model_copy(update={"head": other}))

    assert tracker.counts("b-1")["quarantined"] == 0
    assert finish(tracker, batch)["packaged"] == 2


def released_bytes(**headers: str) -> Incoming:
    found = {name: text.encode() for name, text in headers.items()}
    return Incoming(RELEASED, 0, 0, b"k", b"\0\0\0\0\1x", {"step": b"tracker", **found})


def test_a_header_with_a_partition_of_41_digits_is_quarantined_and_the_rest_is_read(
    tracker: TrackerHarness, batch: Delivery
):
    topic = "digitization.page.acquired.v1"
    poison = released_bytes(topic=topic, partition="1" + "0" * 40, offset="1")

    tracker.manager.process([poison, *tracker.log(batch.acquired(PAGE), batch.recognized(PAGE))])

    assert codes(tracker) == ["message.undecodable"]
    assert tracker.counts("b-1")["in_flight"] == 2
    assert finish(tracker, batch)["packaged"] == 2


def test_a_deferral_of_a_lane_that_does_not_exist_is_quarantined_and_the_rest_is_read(
    tracker: TrackerHarness, batch: Delivery
):
    poison = batch.deferred(PAGE, 1).model_copy(update={"lane": "no such lane"})

    tracker.process(poison, batch.acquired(PAGE), batch.recognized(PAGE))

    assert codes(tracker) == ["message.undecodable"]
    assert not [one for one in tracker.outbox() if "no such lane" in one.topic]
    assert finish(tracker, batch)["packaged"] == 2


@pytest.mark.parametrize(
    "change", [{"labels": 5}, {"file": {"path": "x"}}, {"sequence": "1"}, {"capture": ["x"]}]
)
def test_a_page_list_with_values_of_another_type_refuses_its_item_alone(
    tracker: TrackerHarness, storage: MemoryStorage, batch: Delivery, change: dict[str, Any]
):
    other = Delivery(storage, "b-2", {"vol-2": 1})
    registered = other.registered("vol-2")
    document = json.loads(storage.read(registered.files[0]))
    document["pages"][0] |= change
    damaged = storage.keep(
        json.dumps(document).encode(), area=Area.RECORDS, use="page-list", media_type="a/b"
    )
    poison = registered.model_copy(update={"files": (damaged, *registered.files[1:])})

    tracker.process(other.received(), other.accepted(), poison)

    assert codes(tracker) == ["item.page-list-unfit"]
    assert finish(tracker, batch)["packaged"] == 2


class AwayStorage(MemoryStorage):
    """A store that does not respond until it is mounted."""

    mounted = False

    def read(self, ref: FileRef) -> bytes:
        if not self.mounted:
            raise StorageError("the store does not respond")
        return super().read(ref)


def test_a_store_that_is_away_makes_the_tracker_wait_and_quarantines_nothing(
    connect_tracker: Any, tmp_path: Path
):
    storage, settings = AwayStorage(tmp_path), Settings(home=tmp_path, pool_size=1, worker_id="w")
    (settings.run / "roles").mkdir(parents=True)
    tracker = TrackerHarness(connect_tracker, storage)
    guard, reasons = TurnGuard(tmp_path / "turns"), WaitReasons(settings, "tracker")
    batch = Delivery(storage, "b-1", {"vol-1": 2})
    tracker.process(batch.received(), batch.accepted())
    turn = tracker.log(batch.registered("vol-1"))

    turns = Turns(tracker.manager, guard, reasons, Event())
    taken = [turns.take(turn) for _ in range(2 * MOST_ENDS)]
    reason = wait_reason(settings, "tracker")
    storage.mounted = True
    next_process = Turns(tracker.manager, TurnGuard(tmp_path / "turns"), reasons, Event())
    taken.append(next_process.take(turn))

    assert taken == [False] * 2 * MOST_ENDS + [True]
    assert reason == "waits for the store: the store does not respond"
    assert wait_reason(settings, "tracker") is None
    assert codes(tracker) == []
    assert tracker.counts("b-1")["in_flight"] == 2


def test_a_message_at_which_the_process_ends_repeatedly_is_quarantined_with_its_bytes(
    tracker: TrackerHarness, storage: MemoryStorage, batch: Delivery, tmp_path: Path
):
    settings = Settings(home=tmp_path, pool_size=1, worker_id="w")
    (settings.run / "roles").mkdir(parents=True)
    reasons = WaitReasons(settings, "tracker")
    poison = tracker.log(batch.acquired(PAGE))
    for _ in range(MOST_ENDS):
        TurnGuard(tmp_path / "turns").begin(poison)  # and the process ends

    Turns(tracker.manager, TurnGuard(tmp_path / "turns"), reasons, Event()).process(poison)

    (record,) = tracker.published(WorkQuarantined)
    assert (record.code, record.found) == ("message.undecodable", ENDS_THE_PROCESS)
    assert storage.objects[record.files[0].key] == poison[0].value
    assert named(record.head) == (None, None, None, 1)


def test_released_bytes_of_a_skipped_message_are_read_again(
    tracker: TrackerHarness, batch: Delivery
):
    (poison,) = tracker.log(batch.acquired(PAGE))
    tracker.manager.quarantine(poison, ENDS_THE_PROCESS)
    (record,) = tracker.published(WorkQuarantined)

    tracker.process(a_request("release", f"quarantine:{record.head.event_id}"))

    (sent,) = [one for one in tracker.outbox() if one.topic == RELEASED]
    tracker.manager.process([sent])
    assert sent.value == poison.value
    tracker.process(batch.recognized(PAGE), batch.published("vol-1"))
    assert tracker.counts("b-1")["packaged"] == 2


def test_a_rebuild_skips_what_no_tracker_can_have_published(
    tracker: TrackerHarness, batch: Delivery
):
    read = tracker.log(batch.acquired(PAGE), batch.recognized(PAGE))
    tracker.manager.process(read)
    own = tracker.outbox_without_events()
    (admitted, *_) = tracker.published(PageAdmitted)
    head = admitted.head.model_copy(update={"event_id": "forged", "revision": 2**40})
    value = encode(admitted.model_copy(update={"head": head}))
    forged = replace(own[0], value=value)
    ours = {fact.head.event_id for fact in tracker.published(PageAdmitted)}

    store_decided(tracker.conn, [forged, *own])

    rows = tracker.conn.execute("SELECT event_id FROM line.decided").fetchall()
    stored = {event_id for (event_id,) in rows}
    assert ours <= stored
    assert "forged" not in stored
