"""Works unattended: takes orders for a device, captures, closes batches and hands them over."""

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from processors.profile import Profile
from streams.clients.capture.capture_folder import CaptureFolder
from streams.clients.capture.capture_problem import CaptureProblem
from streams.clients.capture.capture_session import CaptureSession
from streams.clients.capture.closing import close_batch
from streams.clients.capture.item_folders import item_folder
from streams.clients.capture.order_choice import Order, is_over
from streams.clients.capture.separators import Separators
from streams.clients.capture.served_batches import ServedBatch, ServedBatches
from streams.clients.scanners.capabilities import Source
from streams.clients.scanners.capture_settings import CaptureSettings
from streams.clients.scanners.scanner_driver import Reaction, Scanner, ScannerProblem
from streams.clients.targets.target_findings import TARGET_CODES

POLL_SECONDS = 2.0
RESUBMIT_SECONDS = 30.0
FOR_A_PERSON = ("separator.ambiguous", "separator.other-order")
"""Problems after which the rest of a pile is not scanned."""
Tell = Callable[..., None]
"""Called with the name of an event and its fields."""


class NotHandedOver(Exception):
    """A batch cannot be handed over now; the text says why."""


@dataclass(frozen=True)
class ClosingRule:
    """When a batch is closed; an order is also closed when all its items have pages."""

    pages: int | None
    idle_seconds: float


@dataclass
class Device:
    """A device with the settings for one profile."""

    scanner: Scanner
    settings: CaptureSettings
    profile: Profile
    charts: Path | None = None
    """The institution's own profiles, with its charts."""


@dataclass
class Serving:
    """Everything that the loop needs."""

    batches: ServedBatches
    device_for: Callable[[Order | None], Device]
    """Opens the device for the profile of an order. Raises ScannerProblem, CaptureProblem."""
    next_order: Callable[[], Order | None] | None
    """The next order for this device; None: one profile and no orders."""
    known_order: Callable[[str], Order | None]
    """An order by its id, or None."""
    hand_over: Callable[[ServedBatch], dict[str, Any]]
    """Queues a closed batch in the spool. Raises NotHandedOver."""
    rule: ClosingRule
    tell: Tell
    operator: str | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    until_idle_seconds: float | None = None
    """Ends when there was nothing to do for this long."""
    now: Callable[[], float] = time.monotonic
    problem: CaptureProblem | ScannerProblem | None = None
    """Why it ended, if a person has to act before it can go on."""
    _busy_at: float = 0.0
    _handed_over_at: float | None = None

    def run(self) -> None:
        """Work until it is stopped or idle."""
        self._busy_at = self.now()
        while not self.stop.is_set():
            self._hand_over_waiting()
            batch = self._batch()
            if batch is None:
                self.tell("waiting", why="no order for this device")
            else:
                self._work(batch)
            if self._is_idle():
                break
            self.stop.wait(POLL_SECONDS)
        self._handed_over_at = None
        self._hand_over_waiting()
        self.tell("stopped")

    def _batch(self) -> ServedBatch | None:
        """The batch that is open, else a new one; None if there is nothing to do."""
        found = self.batches.open_batches()
        for one in found[:-1]:
            # A sheet of another order had begun the last one.
            self._close(one)
        if found or self.next_order is None:
            return found[-1] if found else self.batches.begin(None)
        order = self.next_order()
        return self.batches.begin(order) if order else None

    def _is_idle(self) -> bool:
        limit = self.until_idle_seconds
        return limit is not None and self.now() - self._busy_at > limit

    def _hand_over_waiting(self) -> None:
        """Hand over the closed batches in their order; after a failure, again a while later."""
        last = self._handed_over_at
        if last is not None and self.now() - last < RESUBMIT_SECONDS:
            return
        for batch in self.batches.waiting():
            try:
                document = self.hand_over(batch)
            except NotHandedOver as why:
                self._handed_over_at = self.now()
                self.tell("submission-waits", batch_id=batch.folder.batch_id, why=str(why))
                return
            batch.note_submitted(document)
            self.tell("queued", batch_id=batch.folder.batch_id, id=document["id"])
        self._handed_over_at = None

    def _work(self, batch: ServedBatch) -> None:
        """Capture pages into a batch until a rule closes it, or nothing comes."""
        order_id = batch.order_id
        order = self.known_order(order_id) if order_id else None
        self.tell("batch-open", batch_id=batch.folder.batch_id, order=order_id)
        try:
            device = self.device_for(order)
            with ExitStack() as stack:
                stack.enter_context(batch.folder.opened(device.profile.name))
                begun = self._capture(batch, order, device, stack)
        except (ScannerProblem, CaptureProblem) as problem:
            self.tell("problem", **problem.document())
            if problem.code in FOR_A_PERSON:
                # The sheets behind it would come into the wrong batch.
                self.problem = problem
                self.stop.set()
            return
        for one in [] if self.stop.is_set() else begun:
            self._close(one)

    def _close(self, batch: ServedBatch) -> None:
        """Close a batch that has pages."""
        with batch.folder.opened(None):
            if not batch.page_count():
                return
            closed = close_batch(batch.folder, self.operator)
        self.tell("batch-closed", batch_id=closed.batch_id, pages=closed.delivery.page_count)

    def _capture(
        self, batch: ServedBatch, order: Order | None, device: Device, stack: ExitStack
    ) -> list[ServedBatch]:
        """Capture until pages are enough, the order is complete, or nothing came for a while.

        Returns the batches that this gave."""
        session = CaptureSession(
            batch.folder, device.scanner, device.settings, device.profile, self.operator
        )
        session.charts = device.charts
        begun, item = [batch], self._first_item(batch, order)

        def begin(order_id: str) -> tuple[CaptureFolder, str] | None:
            other = self.known_order(order_id)
            if other is None or other["profile"] != device.profile.name or is_over(other):
                return None
            begun.append(self.batches.begin(other))
            folder = begun[-1].folder
            stack.enter_context(folder.opened(device.profile.name))
            return folder, self._first_item(begun[-1], other)

        if device.settings.source is not Source.FOLDER:
            session.separators = Separators.resumed(batch.folder, item)
            session.separators.on_order = begin
        session.separated = lambda sheet: self.tell("separator", says="; ".join(sheet.lines()))
        known = [one for each in self.batches for one in each.records()]
        device.scanner.resume([one.document() for one in known])
        last = self.now()
        while not self.stop.is_set() and self.now() - last <= self.rule.idle_seconds:
            last = self._load(session, item, begun, last)
            current = self.known_order(begun[-1].order_id or "")
            if self._has_enough(begun) or (current and not self.batches.missing_items(current)):
                break
            self.stop.wait(POLL_SECONDS)
        if session.settings.source is Source.FOLDER and batch.page_count():
            session.take_sidecars(item)
        return begun

    def _first_item(self, batch: ServedBatch, order: Order | None) -> str:
        if order is None:
            return item_folder(batch.folder, batch.folder.batch_id)
        missing = self.batches.missing_items(order)
        return item_folder(batch.folder, (missing or order["items"])[0])

    def _load(
        self, session: CaptureSession, item: str, begun: list[ServedBatch], last: float
    ) -> float:
        """Capture what the device has now; returns when the last page came."""
        left = None
        if self.rule.pages is not None and session.settings.source is not Source.FOLDER:
            left = self.rule.pages - begun[-1].page_count()
        try:
            for page in session.capture(item, left):
                last = self._busy_at = self.now()
                names = {"batch_id": session.folder.batch_id, "item": page.item}
                self.tell("page", **names, ref=page.record.ref)
                for warning in page.record.warnings:
                    if warning["code"].startswith(TARGET_CODES):
                        self.tell("target", **names, ref=page.record.ref, **warning)
                if self.stop.is_set() or self._has_enough(begun):
                    break
        except ScannerProblem as problem:
            if problem.reaction is not Reaction.EMPTY:
                self.tell("problem", **problem.document())
        return last

    def _has_enough(self, begun: list[ServedBatch]) -> bool:
        return self.rule.pages is not None and begun[-1].page_count() >= self.rule.pages
