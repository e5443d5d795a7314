"""One turn of the tracker: what a transaction has to work with, and what it leaves to publish."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg

from processors.tools import Area, Storage
from schemas.catalogue import key_of, topic_of
from schemas.codec import decode, encode
from schemas.models import Fact, FileRef, Head, Origin, Producer
from streams.execution.facts import audit_messages, utc_now
from streams.night_window import NightWindow
from streams.tracker.queries import query

PRODUCER_NAME = "copystand/tracker"
Connection = psycopg.Connection[tuple[Any, ...]]


@dataclass(frozen=True)
class StoredFact:
    """A fact and its bytes on the wire."""

    fact: Fact
    value: bytes
    partition: int | None = None
    offset: int | None = None

    @property
    def head(self) -> Head:
        """The fact's head."""
        return self.fact.head

    @property
    def record(self) -> str:
        """Name of the fact's record."""
        return type(self.fact).__name__

    def row(self) -> tuple[Any, ...]:
        """The fact as line.facts keeps it."""
        head = self.head
        subject = (head.batch_id, head.item_id, head.page_id, head.revision)
        stood = (self.partition, self.offset)
        return (
            *(head.event_id, self.record, *subject, head.cause_id, head.occurred_at, self.value),
            *stood,
        )

    def origin(self) -> Origin:
        """Where the message stood when it was read."""
        topic = topic_of(self.record).name
        partition, offset = self.partition or 0, self.offset or 0
        event_id, key = self.head.event_id, key_of(self.fact)
        return Origin(topic=topic, partition=partition, offset=offset, key=key, event_id=event_id)


@dataclass
class Affected:
    """Subjects whose state may have changed in this turn."""

    pages: set[str] = field(default_factory=set)
    items: set[str] = field(default_factory=set)
    batches: set[str] = field(default_factory=set)
    packages: set[str] = field(default_factory=set)
    whole: set[str] = field(default_factory=set)
    """Items of which every page may have changed."""


@dataclass
class UnitOfWork:
    """A transaction under way: its connection, the store, what it touched, what it will publish."""

    conn: Connection
    storage: Storage
    version: str
    pool_size: int = 2
    retry_scale: float = 1.0
    has_room: Callable[[], bool] = lambda: True
    """Whether the store has space for more pages; without, none is admitted."""
    rebuilding: bool = False
    """What the topics say is taken as decided; nothing is judged."""
    night: NightWindow | None = None
    """When batches of priority night are admitted; None: at any time."""
    now: datetime = field(default_factory=utc_now)
    """The line's clock; it decides when something begins, and stands in no fact."""
    worker: str | None = None
    """Pseudonym of the machine and role whose facts these are."""
    affected: Affected = field(default_factory=Affected)
    outbox: list[tuple[Any, ...]] = field(default_factory=list)

    def run(self, name: str, **values: Any) -> list[tuple[Any, ...]]:
        """Rows of a named query; none for a query that gives none."""
        cursor = self.conn.execute(query(name), values)
        return cursor.fetchall() if cursor.description else []

    def run_many(self, name: str, rows: Sequence[Sequence[Any]]) -> None:
        """A named query for each row."""
        if rows:
            with self.conn.cursor() as cursor:
                cursor.executemany(query(name), rows)

    def mark_affected(self, head: Head) -> None:
        """Note that the state of a fact's subject may have changed."""
        if head.batch_id:
            self.affected.batches.add(head.batch_id)
        if head.page_id:
            self.affected.pages.add(head.page_id)
            self.affected.items.add(head.item_id or head.page_id.rpartition(":")[0])
        elif head.item_id:
            self.affected.items.add(head.item_id)

    def head(self, event_id: str, cause_id: str | None, occurred_at: datetime, like: Head) -> Head:
        """The head of a fact of the tracker's about the subject of another."""
        producer = Producer(name=PRODUCER_NAME, version=self.version, worker=self.worker)
        stamp = {"event_id": event_id, "cause_id": cause_id, "occurred_at": occurred_at}
        return like.model_copy(update={**stamp, "producer": producer})

    def emit(self, facts: Sequence[Fact]) -> list[StoredFact]:
        """Decide these facts: kept, and published after the commit unless that was done before.

        Returns those that were not decided before in this database, with the bytes that count."""
        decided = self._decided([fact.head.event_id for fact in facts])
        seen = [StoredFact(fact, encode(fact)) for fact in facts]
        seen = [
            read_again(decided[one.head.event_id]) if one.head.event_id in decided else one
            for one in seen
        ]
        new = store(self, seen)
        for one in new:
            if one.head.event_id not in decided:
                self._publish(one)
        return new

    def publish_later(
        self,
        topic: str,
        key: str | None,
        value: bytes,
        headers: Sequence[tuple[str, str]] = (),
        not_before: datetime | None = None,
        page_id: str | None = None,
    ) -> None:
        """Put a message into the outbox."""
        self.outbox.append((not_before, topic, key, json.dumps(headers), value, page_id))

    def flush(self) -> None:
        """Write the outbox rows of this turn."""
        rows, self.outbox = self.outbox, []
        self.run_many("put_outbox", rows)

    def keep_original(self, value: bytes) -> FileRef:
        """The bytes of a message, untouched, in the store."""
        media_type = "application/octet-stream"
        return self.storage.keep(value, area=Area.RECORDS, use="original", media_type=media_type)

    def _publish(self, one: StoredFact) -> None:
        self.publish_later(topic_of(one.record).name, key_of(one.fact), one.value)
        for event in audit_messages(one.fact):
            self.publish_later(event.topic, event.key, event.value)

    def _decided(self, event_ids: list[str]) -> dict[str, bytes]:
        return dict(self.run("decided", event_ids=event_ids)) if event_ids else {}


def read_again(value: bytes, partition: int | None = None, offset: int | None = None) -> StoredFact:
    """A fact that was kept. Raises Undecodable."""
    return StoredFact(decode(value, Fact), value, partition, offset)


def store(unit: UnitOfWork, seen: Sequence[StoredFact]) -> list[StoredFact]:
    """Keep facts by event id, first wins; returns those that are new, in order, each once."""
    if not seen:
        return []
    columns = [list(column) for column in zip(*(one.row() for one in seen), strict=True)]
    new = {event_id for (event_id,) in unit.conn.execute(query("store_facts"), columns)}
    fresh = []
    for one in seen:
        if one.head.event_id in new:
            new.remove(one.head.event_id)
            fresh.append(one)
    return fresh
