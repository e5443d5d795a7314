"""A line whose clock is set by hand and whose window has a fixed size, on a real PostgreSQL."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from schemas.models import PageAdmitted, Record, WorkDeferred
from streams.night_window import NightWindow
from streams.storage.memory import MemoryStorage
from streams.tracker import admission
from streams.tracker.process_manager import ProcessManager
from tests.integration.test_tracker import Bench, Connect
from tests.support.line_facts import NOON, Delivery

MINUTE = timedelta(minutes=1)


@pytest.fixture
def fixed_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here the window does not follow what ended in the last 30 s."""
    monkeypatch.setattr(admission, "window_size", lambda _, pool_size: 2 * pool_size)


class Clocked(Bench):
    """A line with a clock that is set by hand, and a window of fixed size."""

    def __init__(
        self,
        connect: Connect,
        storage: MemoryStorage,
        window: int,
        night: NightWindow | None = None,
    ) -> None:
        super().__init__(connect, storage)
        self.now, self.storage = NOON, storage
        self.line = ProcessManager(
            self.conn, storage, "1", window // 2, night=night, clock=lambda: self.now
        )
        self.line.fence()

    def start(self, batch: Delivery, **changes: Any) -> Delivery:
        """Bring a batch of one item onto the line."""
        (item,) = batch.items
        registered = batch.registered(item).model_copy(update=changes)
        self.take(batch.received(), batch.accepted(), registered)
        return batch

    def batch(self, name: str, pages: int, priority: str = "normal", **changes: Any) -> Delivery:
        """A batch of one item, `<name>-vol`."""
        return self.start(
            Delivery(self.storage, name, {f"{name}-vol": pages}, priority=priority), **changes
        )

    def admitted(self) -> Counter[str]:
        """Admitted pages of each batch."""
        return Counter(str(fact.head.batch_id) for fact in self.told(PageAdmitted))

    def working(self) -> Counter[str]:
        """Pages of each batch that have a place in the window."""
        rows = self.conn.execute(
            "SELECT batch_id, count(*) FROM line.pages WHERE working GROUP BY 1"
        )
        return Counter(dict(rows.fetchall()))

    def retries(self) -> Counter[tuple[str, bool]]:
        """Planned attempts of each batch, and whether they may be sent when they are due."""
        rows = self.conn.execute(
            "SELECT split_part(page_id, '-', 1), held_for IS NULL, count(*) FROM line.outbox"
            " WHERE not_before IS NOT NULL GROUP BY 1, 2"
        )
        return Counter({(name, free): count for name, free, count in rows.fetchall()})

    def defer(self, batch: Delivery, pages: Sequence[str], due: datetime, **step: str) -> None:
        """Each of these pages was acquired; its text could not be read and is tried again then."""
        facts: list[Record] = [batch.acquired(page) for page in pages]
        self.take(*facts, *(deferral(batch, page, due, **step) for page in pages))

    def end(self, batch: Delivery, *pages: str) -> None:
        """These pages have ended."""
        self.take(
            *(fact for page in pages for fact in (batch.acquired(page), batch.recognized(page)))
        )


def deferral(batch: Delivery, page: str, due: datetime, **step: str) -> WorkDeferred:
    fact = batch.deferred(page, 1)
    changes: dict[str, Any] = {"attempts_allowed": 9, "next_at": due, **step}
    if step:
        changes["head"] = fact.head.model_copy(update={"event_id": f"{page}-{step['step']}"})
    return fact.model_copy(update=changes)
