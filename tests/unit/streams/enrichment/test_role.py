"""The role gives signs of life while a page takes long."""

import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

from schemas.models import PageAnalyzed
from streams.enrichment import role
from streams.enrichment.role import Enrichment
from streams.enrichment.tables import ItemWork, Tables
from streams.worker.lane_gate import LaneGate
from tests.support.builders import a_head
from tests.unit.streams.enrichment.test_page_runs import TASK

HEAD = a_head(page_id="i:0001")
FACT = PageAnalyzed(head=HEAD, master_sha256="ab", suggested=0)


class Stopping(threading.Event):
    """Counts the signs of life, and lets a page end after three of them."""

    def __init__(self) -> None:
        super().__init__()
        self.signs, self.page_may_end = 0, threading.Event()

    def is_set(self) -> bool:
        self.signs += 1
        if self.signs >= 3:
            self.page_may_end.set()
        return super().is_set()


def test_a_page_that_takes_long_does_not_silence_the_role(monkeypatch):
    monkeypatch.setattr(role, "SIGN_SECONDS", 0.01)
    stopping = Stopping()

    class Slow:
        def analyze(self, *_: Any) -> PageAnalyzed:
            assert stopping.page_may_end.wait(60)
            return FACT

    parts: Any = SimpleNamespace(gate=LaneGate())
    tables: Any = SimpleNamespace(spec=Tables)
    work: Any = SimpleNamespace(spec=ItemWork, cause_id="c")
    enrichment = Enrichment(parts, tables, stopping)
    enrichment._runs = Slow()  # type: ignore[assignment]

    with ThreadPoolExecutor(1) as threads:
        found = enrichment._of_portion(threads, work, [(HEAD, TASK)])

    assert (found, stopping.signs >= 3) == ([FACT], True)
