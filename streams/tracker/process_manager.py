"""The tracker's hold on the database: one lock, one fence, one transaction for each turn."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

import psycopg

from processors.pipeline import TRACKER
from processors.tools import Storage
from schemas import ids
from schemas.catalogue import MODELS, topic_of
from schemas.codec import Undecodable, decode
from schemas.models import UNSTAMPED, Fact
from streams.execution.facts import utc_now
from streams.kafka.messages import Incoming
from streams.night_window import NightWindow
from streams.topology import RELEASED
from streams.tracker.admission import admit, publish_stalled
from streams.tracker.completion import complete
from streams.tracker.derived_states import derive
from streams.tracker.fact_handlers import answer_left, apply
from streams.tracker.quarantine_records import refuse_undecodable
from streams.tracker.queries import query
from streams.tracker.settlement import reopen, settle
from streams.tracker.unit_of_work import Connection, StoredFact, UnitOfWork, store

log = logging.getLogger(__name__)

RECORD_ON: dict[str, type[Fact]] = {topic_of(one.__name__).name: one for one in MODELS}
UNPROCESSABLE = (psycopg.DataError, psycopg.IntegrityError, ValueError, KeyError, TypeError)
LOCK_PAUSE_SECONDS = 0.2
STALLED_EVERY_SECONDS = 60.0


class Superseded(Exception):
    """Another tracker has taken over; this one must end."""


class _Unprocessable(Exception):
    """A message that could be read and yet cannot be brought into the tables."""


class ProcessManager:
    """What the tracker does with messages: all of a turn is committed, or nothing."""

    def __init__(
        self,
        conn: Connection,
        storage: Storage,
        version: str,
        pool_size: int = 2,
        retry_scale: float = 1.0,
        has_room: Callable[[], bool] = lambda: True,
        night: NightWindow | None = None,
        clock: Callable[[], datetime] = utc_now,
        worker: str | None = None,
    ) -> None:
        """A hold on the line through a connection in autocommit mode; see `open`."""
        self.conn = conn
        self.rebuilding = False
        self._made_with = (storage, version, pool_size, retry_scale, has_room)
        self._night, self._clock, self._worker = night, clock, worker
        self._epoch = 0
        self._offsets: dict[tuple[str, int], int] = {}
        self._stalled_at = time.monotonic()

    def open(self, stop: threading.Event | None = None) -> bool:
        """Wait for the lock and put up the fence; False when told to stop before."""
        self.conn.execute(query("notice_silence"))
        while self.conn.execute(query("try_lock")).fetchone() != (True,):
            if stop is not None and stop.is_set():
                return False
            time.sleep(LOCK_PAUSE_SECONDS)
        self.fence()
        return True

    def fence(self) -> None:
        """Become the one tracker whose turns count."""
        row = self.conn.execute(query("succeed")).fetchone()
        assert row is not None
        self._epoch, self.rebuilding = row
        self._read_offsets()

    def offsets(self, partitions: Sequence[tuple[str, int]]) -> dict[tuple[str, int], int]:
        """Where to read on, for each of these partitions; 0 for one that is new."""
        new = [at for at in partitions if at not in self._offsets]
        with self.conn.transaction():
            for topic, partition in new:
                self.conn.execute(query("first_offset"), (topic, partition))
        self._read_offsets()
        return {at: self._offsets[at] for at in partitions}

    def take(self, messages: Sequence[Incoming], *, decide: bool = True) -> None:
        """Bring messages onto the line in one transaction, and decide what follows.

        Without `decide` (a rebuild) states are brought up to date and nothing more.
        Raises Succeeded, and whatever means that this process cannot go on."""
        messages = [one for one in messages if one.offset >= self._next(one)]
        try:
            self._take(messages, decide)
        except _Unprocessable:
            for one in messages:
                self._take_alone(one, decide)

    def finish_rebuild(self) -> None:
        """Decide all that the topics say and that was not decided before; from now on live."""
        with self.conn.transaction():
            unit = self._turn()
            items, batches = unit.run("all_subjects")[0]
            unit.affected.items, unit.affected.batches = set(items or ()), set(batches or ())
            answer_left(unit)
            derive(unit)
            self._decide(unit)
            unit.run("forget_decided")
            unit.run("rebuild_ended")
            unit.flush()
        self.rebuilding = False

    def forget(self) -> None:
        """Drop all that is known; what follows is a rebuild, also after a crash."""
        with self.conn.transaction():
            unit = self._turn()
            unit.run("rebuild_begins")
            unit.run("forget")
        self.rebuilding = True
        self._read_offsets()

    def _take_alone(self, message: Incoming, decide: bool) -> None:
        try:
            self._take([message], decide)
        except _Unprocessable as unfit:
            log.exception("unfit", extra={"topic": message.topic, "offset": message.offset})
            why = f"{type(unfit.__cause__).__name__}: {unfit.__cause__}"[:2000]
            self._take([message], decide, unfit=why)

    def _take(self, messages: Sequence[Incoming], decide: bool, unfit: str = "") -> None:
        with self.conn.transaction():
            unit = self._turn(rebuilding=not decide)
            try:
                if unfit:
                    _set_aside(unit, messages[0], unfit)
                else:
                    apply(unit, store(unit, _read(unit, messages)))
                derive(unit)
            except UNPROCESSABLE as wrong:
                raise _Unprocessable from wrong
            if decide:
                self._decide(unit)
            unit.flush()
            advanced = self._advance(unit, messages)
        self._offsets |= advanced

    def _turn(self, rebuilding: bool = False) -> UnitOfWork:
        unit = UnitOfWork(
            self.conn, *self._made_with, rebuilding, self._night, self._clock(), self._worker
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
            again = publish_stalled(unit)
            if again:
                log.warning("stalled pages published again", extra={"pages": again})

    def _advance(
        self, unit: UnitOfWork, messages: Sequence[Incoming]
    ) -> dict[tuple[str, int], int]:
        ends: dict[tuple[str, int], int] = {}
        for one in messages:
            at = (one.topic, one.partition)
            ends[at] = max(ends.get(at, 0), one.offset + 1)
        for (topic, partition), end in sorted(ends.items()):
            old = self._offsets[topic, partition]
            if not unit.run("advance", topic=topic, partition=partition, next=end, old=old):
                raise Superseded(f"{topic} {partition} was read on by another tracker")
        return ends

    def _next(self, message: Incoming) -> int:
        at = (message.topic, message.partition)
        if at not in self._offsets:
            self.offsets([at])
        return self._offsets[at]

    def _read_offsets(self) -> None:
        rows = self.conn.execute(query("offsets")).fetchall()
        self._offsets = {(topic, partition): offset for topic, partition, offset in rows}


def _read(unit: UnitOfWork, messages: Sequence[Incoming]) -> list[StoredFact]:
    seen = []
    for one in messages:
        if one.topic == RELEASED and one.header("step") != TRACKER:
            continue  # the router's
        stood = _stood(one)
        try:
            fact = decode(one.value, RECORD_ON[stood.topic])
        except Undecodable as wrong:
            _set_aside(unit, one, str(wrong))
            continue
        seen.append(StoredFact(fact, one.value or b"", stood.partition, stood.offset))
    return seen


def _stood(message: Incoming) -> Incoming:
    """A message where it stood first: one that was released says so in its headers."""
    topic = message.header("topic")
    place = [message.header(name) or "" for name in ("partition", "offset")]
    if message.topic != RELEASED or topic is None or not all(map(str.isdigit, place)):
        return message
    partition, offset = map(int, place)
    return replace(message, topic=topic, partition=partition, offset=offset)


def _set_aside(unit: UnitOfWork, message: Incoming, why: str) -> None:
    place = (message.topic, message.partition, message.offset)
    log.warning("undecodable", extra={"topic": message.topic, "offset": message.offset})
    # The id comes from this delivery, so that bytes released in vain are set aside again.
    origin = _stood(message).origin(ids.undecodable_id(*place, message.value))
    like = UNSTAMPED.model_copy(update={"revision": 1, "occurred_at": utc_now()})
    refuse_undecodable(unit, origin, message.value or b"", why, like)
