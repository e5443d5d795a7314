"""The enrichment role: takes completed items, and has models look at their pages when it may."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice

import psycopg

from processors.enrich.page_task import PageTask
from processors.outcome import StorageError
from processors.package.item_record import RecordIncomplete
from processors.pipeline import ENRICHMENT
from processors.tools import Tools
from schemas.catalogue import key_of, topic_of
from schemas.codec import decode, encode
from schemas.models import Head, ModelRun, PageAnalyzed
from streams.enrichment.page_runs import PageRuns, event_id_of
from streams.enrichment.page_tasks import tasks_of
from streams.enrichment.tables import Connection, ItemWork, Tables
from streams.execution.facts import audit_messages
from streams.kafka.messages import Outgoing
from streams.kafka.producer import Publisher
from streams.kafka.topic_reader import TopicReader
from streams.lane_limits import counts_of
from streams.runtime.role_files import announce_ready
from streams.runtime.run_loop import run_until_shutdown
from streams.settings import Settings
from streams.storage.object_store import ObjectStore
from streams.worker.lane_gate import LaneGate

log = logging.getLogger(__name__)

COMPLETED = topic_of("ItemCompleted").name
ANALYZED = topic_of("PageAnalyzed").name
READ_EVERY_SECONDS = 5.0
"""While pages are looked at; completions wait on their topic meanwhile."""
PAUSE_SECONDS = 2.0
GATE_SECONDS = 0.5
SIGN_SECONDS = 1.0


@dataclass(frozen=True)
class EnrichmentParts:
    """What the role uses of the outside world."""

    connect: Callable[[], Connection]
    reader: TopicReader
    publisher: Publisher
    storage: ObjectStore
    tools: Tools
    find_models: Callable[[], Sequence[ModelRun]]
    make_runs: Callable[[Sequence[ModelRun]], PageRuns]
    gate: LaneGate
    at_once: int
    """Pages that are looked at in child processes at once."""
    shortage: Callable[[], object | None]
    """The disk on which nothing more is to be written, if there is one."""
    wait_for: Callable[[str], None]
    close: Callable[[], None]
    """Ends the child processes; lets each finish its page."""


def run_enrichment(settings: Settings, parts: EnrichmentParts) -> None:
    """Work until SIGTERM. Nothing waits for this role: it may be stopped at any time."""

    def work(stopping: threading.Event) -> None:
        ready = False
        while not stopping.is_set():
            try:
                with parts.connect() as connection:
                    role = Enrichment(parts, Tables(connection), stopping)
                    role.resume()
                    if not ready:
                        announce_ready(settings, ENRICHMENT)
                        ready = True
                    role.work()
            except psycopg.OperationalError as error:
                log.warning("database unavailable", extra={"error": str(error).strip()})
                stopping.wait(PAUSE_SECONDS)
            except StorageError as away:
                log.warning("waiting for the store", extra={"error": str(away)})
                parts.wait_for(f"waits for the store: {away}")
                stopping.wait(PAUSE_SECONDS)
        parts.close()

    run_until_shutdown(settings, ENRICHMENT, work)


class Enrichment:
    """Looks at the pages of one item after the other."""

    def __init__(self, parts: EnrichmentParts, tables: Tables, stopping: threading.Event) -> None:
        self._parts, self._tables, self._stopping = parts, tables, stopping
        self._read_at = 0.0
        self._runs: PageRuns | None = None

    def resume(self) -> None:
        """Read analyses that the tables lack, publish those that are not published, and continue
        where the tables end."""
        parts, tables = self._parts, self._tables
        known = tables.offsets()
        own = {at: known.get(at, 0) for at in parts.reader.partitions([ANALYZED])}
        for portion in parts.reader.read_to_the_end(own):
            tables.take_in(portion)
        while waiting := tables.not_published():
            self._publish([decode(value, PageAnalyzed) for value in waiting.values()])
        models = parts.find_models()
        tables.set_models(models)
        self._runs = parts.make_runs(models) if models else None
        completed = parts.reader.partitions([COMPLETED])
        parts.reader.assign({at: known.get(at, 0) for at in completed})
        parts.wait_for("")

    def work(self) -> None:
        """Look at pages until the role is to stop. Raises StorageError and psycopg errors."""
        while not self._stopping.is_set():
            self._read()
            work = None if self._must_wait() else self._tables.next_work()
            if work is None:
                self._stopping.wait(PAUSE_SECONDS)
                continue
            self._look_at(work)

    def _read(self) -> None:
        """Store completions that have arrived. They are few: one for each item."""
        messages = self._parts.reader.poll()
        if messages:
            self._tables.take_in(messages)
        self._tables.expand_reruns()
        self._parts.gate.refresh()
        self._read_at = time.monotonic()

    def _must_wait(self) -> bool:
        shortage = self._parts.shortage()
        reason = "is paused by a person" if self._tables.is_paused() else ""
        if shortage:
            reason = f"waits for disk space: {shortage}"
        self._parts.wait_for(reason)
        return bool(reason) or self._runs is None

    def _look_at(self, work: ItemWork) -> None:
        """Look at the pages of an item that were not looked at for the same cause."""
        try:
            pages = self._pages(work)
            with ThreadPoolExecutor(self._parts.at_once, "enrich") as threads:
                while portion := list(islice(pages, self._parts.at_once)):
                    self._store(self._of_portion(threads, work, portion))
                    if time.monotonic() - self._read_at > READ_EVERY_SECONDS:
                        self._read()
                    if self._stopping.is_set() or self._must_wait():
                        return
                    if not self._tables.is_wanted(work):
                        return
        except (RecordIncomplete, ValueError, KeyError) as wrong:
            # Packages are made from the same record: its fault is reported there.
            extra = {"item_id": work.completed.head.item_id, "error": repr(wrong)[:500]}
            log.error("item left out", extra=extra)
        finally:
            self._parts.storage.release()
        self._tables.finish(work)

    def _of_portion(
        self, threads: ThreadPoolExecutor, work: ItemWork, pages: Sequence[tuple[Head, PageTask]]
    ) -> list[PageAnalyzed]:
        """The facts about these pages; those that the end of the role did not leave out."""
        waiting = [threads.submit(self._analyzed, work, *page) for page in pages]
        while wait(waiting, timeout=SIGN_SECONDS).not_done:
            # A sign of life: a page may take longer than a role may be silent.
            self._stopping.is_set()
        return [fact for one in waiting if (fact := one.result()) is not None]

    def _pages(self, work: ItemWork) -> Iterator[tuple[Head, PageTask]]:
        models = (work.model,) if work.model else ()
        for head, task in tasks_of(work.completed, models, self._parts.tools):
            if not self._tables.known([event_id_of(work.cause_id, task.page_id)]):
                yield head, task

    def _analyzed(self, work: ItemWork, head: Head, task: PageTask) -> PageAnalyzed | None:
        """The fact about a page, within the limits of the lane; None when the role is to stop."""
        gate = self._parts.gate
        while not gate.admits(ENRICHMENT):
            if self._stopping.wait(GATE_SECONDS):
                return None
        gate.began(ENRICHMENT)
        try:
            size = sum(file.size_bytes for file in task.files)
            pixels = task.master_width * task.master_height
            gate.pay(ENRICHMENT, counts_of(tasks=1, pixels=pixels, size_bytes=size))
            return self._page_runs().analyze(work.cause_id, head, task)
        finally:
            gate.ended(ENRICHMENT)

    def _page_runs(self) -> PageRuns:
        assert self._runs is not None
        return self._runs

    def _store(self, facts: Sequence[PageAnalyzed]) -> None:
        for fact in facts:
            self._tables.put(fact)
        self._publish(facts)

    def _publish(self, facts: Sequence[PageAnalyzed]) -> None:
        """Publish facts with their events, and record that the broker has them."""
        for fact in facts:
            own = Outgoing(ANALYZED, key_of(fact), encode(fact))
            self._parts.publisher.publish([own, *audit_messages(fact)])
            self._tables.mark_published([fact.head.event_id])
