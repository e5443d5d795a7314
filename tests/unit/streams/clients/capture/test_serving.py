"""Unattended work: which batches arise, when they are closed, and what an interruption leaves."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from streams.clients.capture import separators, serving
from streams.clients.capture.order_choice import Order
from streams.clients.capture.served_batches import ServedBatch, ServedBatches
from streams.clients.capture.serving import ClosingRule, Device, NotHandedOver, Serving
from streams.clients.scanners.capture_settings import CaptureSettings
from streams.clients.scanners.scanner_driver import ScannedPage, ScannerProblem
from tests.unit.streams.clients.capture.test_capture_session import (
    EMPTY,
    FEEDER,
    JAM,
    Sheets,
    profile,
)
from tests.unit.streams.clients.capture.test_separators import SHEETS, grey_of

IDLE = 5.0


@pytest.fixture(autouse=True)
def codes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(separators, "sheet_on", lambda page: SHEETS.get(grey_of(page)))
    monkeypatch.setattr(serving, "POLL_SECONDS", 0)


def an_order(order_id: str, *items: str) -> Order:
    return {
        "order_id": order_id,
        "items": list(items),
        "profile": "as-delivered",
        "priority": "rush",
        "device_class": None,
        "state": "open",
        "assigned_to": None,
    }


@dataclass
class Feeder(Sheets):
    """A feeder that is loaded again each time when it was found empty."""

    piles: list[list[int | ScannerProblem]] = field(default_factory=list)

    def scan(self, settings: CaptureSettings, folder: Path, count: int) -> Iterator[ScannedPage]:
        was_empty = not self.left
        yield from super().scan(settings, folder, count) if self.left else ()
        if was_empty or not self.left:
            self.left = self.piles.pop(0) if self.piles else []
            raise EMPTY


@dataclass
class Lab:
    """A device with piles of sheets, orders, and a line that may be away."""

    captures: Path
    piles: list[list[int | ScannerProblem]]
    orders: list[Order] = field(default_factory=list)
    line_is_away: bool = False
    seconds: float = 0.0
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    handed_over: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sheets = Feeder([], piles=self.piles)
        self.batches = ServedBatches(self.captures, "device-1", "station-1")

    def serve(
        self, pages: int | None = None, on_event: Callable[..., None] | None = None
    ) -> Serving:
        """Work until nothing was to do for a while."""
        made = Serving(
            batches=self.batches,
            device_for=lambda _: Device(self.sheets, FEEDER, profile()),
            next_order=self._next if self.orders else None,
            known_order=lambda name: next((o for o in self.orders if o["order_id"] == name), None),
            hand_over=self._hand_over,
            rule=ClosingRule(pages, IDLE),
            tell=on_event or self._tell,
            until_idle_seconds=4 * IDLE,
            now=self._now,
        )
        made.run()
        return made

    def _now(self) -> float:
        """Time passes whenever the loop looks at the clock."""
        self.seconds += 1
        return self.seconds

    def _next(self) -> Order | None:
        return next((one for one in self.orders if self.batches.missing_items(one)), None)

    def _tell(self, event: str, **found: Any) -> None:
        self.events.append((event, found))

    def _hand_over(self, batch: ServedBatch) -> dict[str, Any]:
        if self.line_is_away:
            raise NotHandedOver("no line")
        self.handed_over.append(batch.folder.batch_id)
        return {"id": f"d-{len(self.handed_over)}"}

    def of(self, event: str) -> list[dict[str, Any]]:
        return [found for name, found in self.events if name == event]

    def pages(self) -> dict[str, list[int]]:
        """The greys of the pages of each batch."""
        return {
            one.folder.batch_id: [
                grey_of(one.folder.files / item / page.file)
                for item in one.folder.items()
                for page in one.folder.pages(item)
            ]
            for one in self.batches
        }


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path / "captures", [])


def test_a_batch_is_closed_when_no_page_came_for_a_while(lab: Lab):
    lab.sheets.piles = [[1, 2], [3]]

    lab.serve()

    assert lab.pages()["station-1.00001"] == [1, 2, 3]
    assert lab.handed_over == ["station-1.00001"]
    assert [one["pages"] for one in lab.of("batch-closed")] == [3]


def test_a_batch_is_closed_with_its_number_of_pages(lab: Lab):
    lab.sheets.piles = [[1, 2, 3, 4, 5]]

    lab.serve(pages=2)

    assert [len(found) for found in lab.pages().values()][:3] == [2, 2, 1]
    assert lab.handed_over == [f"station-1.0000{number}" for number in (1, 2, 3)]


def test_orders_are_taken_one_after_the_other(lab: Lab):
    lab.orders = [an_order("O-1", "ms-1"), an_order("O-2", "ms-2")]
    lab.sheets.piles = [[1, 2], [3]]

    lab.serve()

    assert lab.pages() == {"O-1": [1, 2], "O-2": [3]}
    assert lab.handed_over == ["O-1", "O-2"]
    assert [one.order_id for one in lab.batches] == ["O-1", "O-2"]


def test_an_order_that_is_not_complete_gets_another_batch(lab: Lab):
    lab.orders = [an_order("O-1", "ms-1", "ms-2")]
    lab.sheets.piles = [[1], *([[]] * 8), [2]]

    lab.serve()

    assert lab.pages() == {"O-1": [1], "O-1.00002": [2]}


def test_a_sheet_of_another_order_begins_its_batch(lab: Lab):
    lab.orders = [an_order("O-1", "ms-1"), an_order("O-2", "ms-3")]
    lab.sheets.piles = [[10, 204, 20, 30]]

    lab.serve()

    assert lab.pages() == {"O-1": [10], "O-2": [20, 30]}
    assert lab.handed_over == ["O-1", "O-2"]


def test_a_pile_with_a_sheet_of_an_unknown_order_is_not_scanned_further(lab: Lab):
    lab.orders = [an_order("O-1", "ms-1")]
    lab.sheets.piles = [[10, 204, 20]]

    ended = lab.serve()

    assert ended.problem is not None and ended.problem.code == "separator.other-order"
    assert lab.pages() == {"O-1": [10]}
    assert lab.handed_over == []


def test_a_jam_is_reported_and_the_work_goes_on(lab: Lab):
    lab.sheets.piles = [[1, JAM, 2]]

    lab.serve()

    assert [one["code"] for one in lab.of("problem")] == ["scanner.jammed"]
    assert lab.pages()["station-1.00001"] == [1, 2]


def test_a_batch_waits_for_the_line(lab: Lab):
    lab.sheets.piles, lab.line_is_away = [[1]], True
    lab.serve()
    waiting = lab.of("submission-waits")
    lab.line_is_away = False

    lab.serve()

    assert waiting[0]["why"] == "no line"
    assert lab.handed_over == ["station-1.00001"]


def test_what_was_handed_over_is_not_handed_over_again(lab: Lab):
    lab.sheets.piles = [[1]]
    lab.serve()
    lab.serve()

    assert lab.handed_over == ["station-1.00001"]


class Killed(BaseException):
    """The process ends here."""


def test_after_each_event_the_same_command_continues(tmp_path: Path):
    point = 0
    while True:
        lab = Lab(tmp_path / str(point), [[10, 20], [204, 30]])
        lab.orders = [an_order("O-1", "ms-1"), an_order("O-2", "ms-3")]
        seen = 0

        def dies(event: str, at: int = point, **found: Any) -> None:
            nonlocal seen
            seen += 1
            if seen > at:
                raise Killed

        try:
            lab.serve(on_event=dies)
            break
        except Killed:
            lab.serve()
        assert lab.pages() == {"O-1": [10, 20], "O-2": [30]}, f"killed at event {point}"
        assert sorted(lab.handed_over) == ["O-1", "O-2"]
        point += 1
    assert point > 8


def test_two_devices_of_a_station_have_their_own_batches(lab: Lab):
    lab.sheets.piles = [[1]]
    lab.serve()
    other = ServedBatches(lab.captures, "device-2", "station-1")

    assert list(other) == []
    assert other.begin(None).folder.batch_id not in lab.pages()
