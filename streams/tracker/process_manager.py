"""Processes each portion of messages in one transaction; one tracker is active at a time."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from infra.topics import Partition
from processors.tools import Storage
from schemas.codec import decode
from schemas.models import WorkDeferred
from streams import free_texts
from streams.execution.facts import utc_now
from streams.kafka.messages import Incoming, Outgoing
from streams.night_window import NightWindow
from streams.tracker.admission import admit, republish_stalled
from streams.tracker.completion import complete
from streams.tracker.derived_states import derive
from streams.tracker.fact_handlers import apply, decide_unanswered, register_versions
from streams.tracker.incoming_facts import (
    caused_by_input,
    decode_all,
    place_of,
    quarantine_message,
)
from streams.tracker.order_decisions import publish as publish_orders
from streams.tracker.pseudonym_numbers import highest_number
from streams.tracker.queries import query
from streams.tracker.retries import retry
from streams.tracker.settlement import reopen, settle
from streams.tracker.unit_of_work import Connection, StoredFact, UnitOfWork, store_facts
from streams.uploads.upload_records import UploadRecords

log = logging.getLogger(__name__)

LOCK_PAUSE_SECONDS = 0.2
STALLED_EVERY_SECONDS = 60.0


class Superseded(Exception):
    """Another tracker has taken over; this one must end."""


class _Unprocessable(Exception):
    """A message that can be decoded and makes a unit of work fail."""


class ProcessManager:
    """Processes messages: each portion is committed completely or not at all."""

    def __init__(
        self,
        conn: Connection,
        storage: Storage,
        version: str,
        pool_size: int = 2,
        retry_scale: float = 1.0,
        has_space: Callable[[], bool] = lambda: True,
        night: NightWindow | None = None,
        clock: Callable[[], datetime] = utc_now,
        worker: str | None = None,
        uploads: UploadRecords | None = None,
    ) -> None:
        """A manager that is not active yet (see `start`). `conn` is in autocommit mode."""
        self.conn = conn
        self.rebuilding = False
        self._context = (storage, version, pool_size, retry_scale, has_space)
        self._night, self._clock, self._worker, self._uploads = night, clock, worker, uploads
        self._epoch = 0
        self._highest_number = 0
        """Of a pseudonym in the committed facts of this process."""
        self._offsets: dict[Partition, int] = {}
        self._stalled_at = time.monotonic()

    def start(self, stop: threading.Event | None = None) -> bool:
        """Wait for the lock and take over; False when `stop` is set before."""
        self.conn.execute(query("set_tcp_keepalives"))
        while self.conn.execute(query("try_lock")).fetchone() != (True,):
            if stop is not None and stop.is_set():
                return False
            time.sleep(LOCK_PAUSE_SECONDS)
        self.take_over()
        return True

    def take_over(self) -> None:
        """Begin a new epoch. From now on every other tracker fails with Superseded."""
        row = self.conn.execute(query("take_over")).fetchone()
        assert row is not None
        self._epoch, self.rebuilding = row
        self._read_offsets()

    def next_offsets(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        """The next offset to read of each of these partitions; 0 for a new partition."""
        new = [partition for partition in partitions if partition not in self._offsets]
        with self.conn.transaction():
            for partition in new:
                self.conn.execute(query("add_partition"), partition)
        self._read_offsets()
        return {partition: self._offsets[partition] for partition in partitions}

    def process(self, messages: Sequence[Incoming], *, decide: bool = True) -> None:
        """Write messages into the tables in one transaction, and decide what follows from them.

        Without `decide` (in a rebuild) only the states are derived. A message that makes the work
        fail is quarantined. Raises Superseded, StorageError while the store does not respond, and
        every error after which this process cannot continue."""
        new = [message for message in messages if message.offset >= self._next_offset(message)]
        try:
            self._process(new, decide)
        except _Unprocessable:
            for message in new:
                self._process_alone(message, decide)

    def begin_rebuild(self) -> None:
        """Empty the tables. From now on this is a rebuild, also after a crash."""
        with self.conn.transaction():
            unit = self._unit_of_work()
            unit.run("begin_rebuild")
            unit.run("empty_tables")
            unit.run("note_named_persons")
        self.rebuilding = True
        self._read_offsets()

    def publish_again(
        self, ends: Mapping[Partition, int], messages: Iterable[Outgoing], *, last: bool
    ) -> None:
        """Put messages that the broker lost into the outbox, in one transaction.

        With the last ones, open retries are scheduled again, and reading continues at the present
        ends of the partitions."""
        with self.conn.transaction():
            unit = self._unit_of_work()
            for message in messages:
                unit.publish_later(message.topic, message.key, message.value)
            if last:
                rows = [(end, topic, partition) for (topic, partition), end in ends.items()]
                unit.run_many("set_offset", rows)
                for (value,) in unit.run("open_deferrals"):
                    retry(unit, decode(value, WorkDeferred))
            unit.flush()
        self._read_offsets()

    def finish_rebuild(self) -> None:
        """Decide what follows from the tables and was not decided before; end the rebuild."""
        with self.conn.transaction():
            unit = self._unit_of_work()
            items, batches = unit.run("all_subjects")[0]
            unit.affected.items, unit.affected.batches = set(items or ()), set(batches or ())
            register_versions(unit)
            decide_unanswered(unit)
            derive(unit)
            self._decide(unit)
            publish_orders(unit)
            unit.run("empty_decided")
            unit.run("finish_rebuild")
            unit.flush()
        self.rebuilding = False

    def quarantine(self, message: Incoming, why: str, *, decide: bool = True) -> None:
        """Quarantine a message, its bytes unchanged, and decide nothing else because of it."""
        if message.offset >= self._next_offset(message):
            self._process([message], decide, unprocessable=why)

    def _process_alone(self, message: Incoming, decide: bool) -> None:
        try:
            self._process([message], decide)
        except _Unprocessable as failure:
            log.exception("message unprocessable", extra=place_of(message))
            cause = failure.__cause__
            self.quarantine(message, f"{type(cause).__name__}: {cause}"[:2000], decide=decide)

    def _process(self, messages: Sequence[Incoming], decide: bool, unprocessable: str = "") -> None:
        number = 0
        with self.conn.transaction():
            unit = self._unit_of_work(rebuilding=not decide)
            try:
                if unprocessable:
                    quarantine_message(unit, messages[0], unprocessable)
                else:
                    facts = decode_all(unit, messages)
                    apply(unit, store_facts(unit, facts))
                    number = self._note_pseudonyms(unit, facts)
                derive(unit)
                if decide:
                    self._decide(unit)
                unit.flush()
            except Exception as failure:
                if unprocessable or not messages or not caused_by_input(failure):
                    raise
                raise _Unprocessable from failure
            advanced = self._advance_offsets(unit, messages)
        self._offsets |= advanced
        self._highest_number = max(number, self._highest_number)

    def _unit_of_work(self, rebuilding: bool = False) -> UnitOfWork:
        unit = UnitOfWork(
            self.conn, *self._context, rebuilding, self._night, self._clock(), self._worker
        )
        unit.uploads = self._uploads
        if not unit.run("fence", epoch=self._epoch):
            raise Superseded("another tracker has taken over")
        return unit

    def _decide(self, unit: UnitOfWork) -> None:
        reopen(unit)
        admit(unit)
        complete(unit)
        settle(unit)
        if time.monotonic() - self._stalled_at > STALLED_EVERY_SECONDS:
            self._stalled_at = time.monotonic()
            pages = republish_stalled(unit)
            if pages:
                log.warning("stalled pages republished", extra={"pages": pages})
            free_texts.remove_unused(unit.conn)

    def _note_pseudonyms(self, unit: UnitOfWork, facts: Sequence[StoredFact]) -> int:
        """Keep the numbers of pseudonyms in facts from being given; the highest one of them."""
        number = highest_number(facts)
        if number > self._highest_number:
            unit.run("note_pseudonym", number=number)
        return number

    def _advance_offsets(
        self, unit: UnitOfWork, messages: Sequence[Incoming]
    ) -> dict[Partition, int]:
        ends: dict[Partition, int] = {}
        for message in messages:
            at = (message.topic, message.partition)
            ends[at] = max(ends.get(at, 0), message.offset + 1)
        for (topic, partition), end in sorted(ends.items()):
            old = self._offsets[topic, partition]
            if not unit.run("advance_offset", topic=topic, partition=partition, next=end, old=old):
                raise Superseded(f"another tracker advanced the offset of {topic}:{partition}")
        return ends

    def _next_offset(self, message: Incoming) -> int:
        at = (message.topic, message.partition)
        if at not in self._offsets:
            self.next_offsets([at])
        return self._offsets[at]

    def _read_offsets(self) -> None:
        rows = self.conn.execute(query("offsets")).fetchall()
        self._offsets = {(topic, partition): offset for topic, partition, offset in rows}
