"""A tracker with a manual clock and a window of fixed size, on a real PostgreSQL."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from schemas.models import Fact, PageAdmitted, WorkDeferred
from streams.night_window import NightWindow
from streams.storage.memory import MemoryStorage
from streams.tracker import admission
from streams.tracker.process_manager import ProcessManager
from tests.support.line_facts import NOON, Delivery
from tests.support.tracker_harness import Connect, TrackerHarness

MINUTE = timedelta(minutes=1)


@pytest.fixture
def fixed_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """The window has twice the pool size, however many pages ended recently."""
    monkeypatch.setattr(admission, "window_size", lambda _, pool_size: 2 * pool_size)


class ClockedTracker(TrackerHarness):
    """A tracker with a manual clock and a window of fixed size."""

    def __init__(
        self,
        connect: Connect,
        storage: MemoryStorage,
        window: int,
        night: NightWindow | None = None,
    ) -> None:
        super().__init__(connect, storage)
        self.now = NOON
        self.manager = ProcessManager(
            self.conn, storage, "1", window // 2, night=night, clock=lambda: self.now
        )
        self.manager.take_over()

    def register(self, batch: Delivery, **changes: Any) -> Delivery:
        """Receive, accept and register a batch of one item."""
        (item,) = batch.items
        registered = batch.registered(item).model_copy(update=changes)
        self.process(batch.received(), batch.accepted(), registered)
        return batch

    def start_batch(
        self, name: str, pages: int, priority: str = "normal", **changes: Any
    ) -> Delivery:
        """Start a batch of one item, `<name>-vol`."""
        return self.register(
            Delivery(self.storage, name, {f"{name}-vol": pages}, priority=priority), **changes
        )

    def admitted(self) -> Counter[str]:
        """The number of admitted pages of each batch."""
        return Counter(str(fact.head.batch_id) for fact in self.published(PageAdmitted))

    def in_window(self) -> Counter[str]:
        """The number of pages of each batch that have a place in the window."""
        rows = self.conn.execute(
            "SELECT batch_id, count(*) FROM line.pages WHERE working GROUP BY 1"
        )
        return Counter(dict(rows.fetchall()))

    def retries(self) -> Counter[tuple[str, bool]]:
        """The number of retries by batch and by whether the relay publishes them when due."""
        rows = self.conn.execute(
            "SELECT split_part(page_id, '-', 1), held_for IS NULL, count(*) FROM line.outbox"
            " WHERE not_before IS NOT NULL GROUP BY 1, 2"
        )
        return Counter({(name, free): count for name, free, count in rows.fetchall()})

    def defer(self, batch: Delivery, pages: Sequence[str], due: datetime, **step: str) -> None:
        """Acquire these pages and defer the recognition of their text."""
        facts: list[Fact] = [batch.acquired(page) for page in pages]
        self.process(*facts, *(deferral(batch, page, due, **step) for page in pages))

    def finish(self, batch: Delivery, *pages: str) -> None:
        """Acquire and recognize these pages."""
        self.process(
            *(fact for page in pages for fact in (batch.acquired(page), batch.recognized(page)))
        )


def deferral(batch: Delivery, page: str, due: datetime, **step: str) -> WorkDeferred:
    fact = batch.deferred(page, 1)
    changes: dict[str, Any] = {"attempts_allowed": 9, "next_at": due, **step}
    if step:
        changes["head"] = fact.head.model_copy(update={"event_id": f"{page}-{step['step']}"})
    return fact.model_copy(update=changes)
