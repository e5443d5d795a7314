"""Processes each portion of messages in one transaction; one tracker is active at a time."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import psycopg

from infra.topics import Partition
from processors.pipeline import TRACKER
from processors.tools import Storage
from schemas import ids
from schemas.catalogue import MODELS, topic_of
from schemas.codec import Undecodable, decode
from schemas.models import UNSTAMPED, Fact, WorkDeferred
from streams.execution.facts import utc_now
from streams.kafka.messages import Incoming, Outgoing
from streams.night_window import NightWindow
from streams.topology import RELEASED
from streams.tracker.admission import admit, republish_stalled
from streams.tracker.completion import complete
from streams.tracker.derived_states import derive
from streams.tracker.fact_handlers import apply, decide_unanswered
from streams.tracker.pseudonym_numbers import highest_number
from streams.tracker.quarantine_records import refuse_undecodable
from streams.tracker.queries import query
from streams.tracker.retries import retry
from streams.tracker.settlement import reopen, settle
from streams.tracker.unit_of_work import Connection, StoredFact, UnitOfWork, store_facts

log = logging.getLogger(__name__)

RECORD_ON: dict[str, type[Fact]] = {topic_of(model.__name__).name: model for model in MODELS}
UNPROCESSABLE = (psycopg.DataError, psycopg.IntegrityError, ValueError, KeyError, TypeError)
LOCK_PAUSE_SECONDS = 0.2
STALLED_EVERY_SECONDS = 60.0


class Superseded(Exception):
    """Another tracker has taken over; this one must end."""


class _Unprocessable(Exception):
    """A message that can be decoded but cannot be written into the tables."""


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
    ) -> None:
        """A manager that is not active yet (see `start`). `conn` is in autocommit mode."""
        self.conn = conn
        self.rebuilding = False
        self._context = (storage, version, pool_size, retry_scale, has_space)
        self._night, self._clock, self._worker = night, clock, worker
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

        Without `decide` (in a rebuild) only the states are derived. Raises Superseded, and every
        error after which this process cannot continue."""
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
            decide_unanswered(unit)
            derive(unit)
            self._decide(unit)
            unit.run("empty_decided")
            unit.run("finish_rebuild")
            unit.flush()
        self.rebuilding = False

    def _process_alone(self, message: Incoming, decide: bool) -> None:
        try:
            self._process([message], decide)
        except _Unprocessable as failure:
            place = {"topic": message.topic, "offset": message.offset}
            log.exception("message unprocessable", extra=place)
            why = f"{type(failure.__cause__).__name__}: {failure.__cause__}"[:2000]
            self._process([message], decide, unprocessable=why)

    def _process(self, messages: Sequence[Incoming], decide: bool, unprocessable: str = "") -> None:
        number = 0
        with self.conn.transaction():
            unit = self._unit_of_work(rebuilding=not decide)
            try:
                if unprocessable:
                    _quarantine_message(unit, messages[0], unprocessable)
                else:
                    facts = _decode_all(unit, messages)
                    apply(unit, store_facts(unit, facts))
                    number = self._note_pseudonyms(unit, facts)
                derive(unit)
            except UNPROCESSABLE as failure:
                raise _Unprocessable from failure
            if decide:
                self._decide(unit)
            unit.flush()
            advanced = self._advance_offsets(unit, messages)
        self._offsets |= advanced
        self._highest_number = max(number, self._highest_number)

    def _unit_of_work(self, rebuilding: bool = False) -> UnitOfWork:
        unit = UnitOfWork(
            self.conn, *self._context, rebuilding, self._night, self._clock(), self._worker
        )
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


def _decode_all(unit: UnitOfWork, messages: Sequence[Incoming]) -> list[StoredFact]:
    """The facts of these messages. A message that cannot be decoded is quarantined."""
    facts = []
    for message in messages:
        if message.topic == RELEASED and message.header("step") != TRACKER:
            continue  # for the router
        original = _at_original_position(message)
        try:
            fact = decode(message.value, RECORD_ON[original.topic])
        except Undecodable as failure:
            _quarantine_message(unit, message, str(failure))
            continue
        facts.append(StoredFact(fact, message.value or b"", original.partition, original.offset))
    return facts


def _at_original_position(message: Incoming) -> Incoming:
    """A message at its original position, which the headers of a released message name."""
    topic = message.header("topic")
    position = [message.header(name) or "" for name in ("partition", "offset")]
    if message.topic != RELEASED or topic is None or not all(map(str.isdigit, position)):
        return message
    partition, offset = map(int, position)
    return replace(message, topic=topic, partition=partition, offset=offset)


def _quarantine_message(unit: UnitOfWork, message: Incoming, why: str) -> None:
    position = (message.topic, message.partition, message.offset)
    log.warning("message quarantined", extra={"topic": message.topic, "offset": message.offset})
    # The id comes from this delivery: released bytes that fail again get a record of their own.
    event_id = ids.undecodable_id(*position, message.value)
    origin = _at_original_position(message).origin(event_id)
    like = UNSTAMPED.model_copy(update={"revision": 1, "occurred_at": utc_now()})
    refuse_undecodable(unit, origin, message.value or b"", why, like)
