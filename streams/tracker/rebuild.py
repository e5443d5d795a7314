"""Rebuilds the tables from the topics; what was published before is not decided again."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import psycopg

from infra.topics import Partition
from schemas.codec import Undecodable, decode
from schemas.models import Fact
from streams.execution.facts import audit_messages
from streams.kafka.messages import Incoming, Outgoing
from streams.topology import REDONE, TRACKER_INPUTS, TRACKER_OUTPUTS
from streams.tracker.incoming_facts import caused_by_input
from streams.tracker.process_manager import ProcessManager
from streams.tracker.queries import query
from streams.tracker.retries import redone_id
from streams.tracker.unit_of_work import PRODUCER_NAME, Connection, StoredFact

log = logging.getLogger(__name__)


class Topics(Protocol):
    """What a rebuild reads from; see TopicReader."""

    def partitions(self, names: Sequence[str]) -> list[Partition]:
        """All partitions of these topics."""
        ...

    def read_to_the_end(self, offsets: Mapping[Partition, int]) -> Iterator[list[Incoming]]:
        """All messages from these offsets to the present ends of the partitions, in portions."""
        ...


class Process(Protocol):
    """Processes messages without a decision; see ProcessManager.process."""

    def __call__(self, messages: Sequence[Incoming], *, decide: bool) -> None: ...


def rebuild(
    manager: ProcessManager,
    topics: Topics,
    *,
    outbox_lost: bool = False,
    process: Process | None = None,
) -> None:
    """Empty the tables, read the tracker's own topics, then its inputs, then decide what is new.

    Everything due in the outbox must have been published before. If the outbox was lost, the PREMIS
    events of the tracker's facts are published again; the sealer drops duplicates by event id."""
    manager.begin_rebuild()
    own = topics.partitions((*TRACKER_OUTPUTS, *REDONE))
    for portion in topics.read_to_the_end(dict.fromkeys(own, 0)):
        store_decided(manager.conn, portion)
        if outbox_lost:
            republish_events(manager.conn, portion)
    inputs = topics.partitions(TRACKER_INPUTS)
    for portion in topics.read_to_the_end(manager.next_offsets(inputs)):
        (process or manager.process)(portion, decide=False)
    manager.finish_rebuild()
    log.info("tables rebuilt")


def store_decided(conn: Connection, messages: Sequence[Incoming]) -> None:
    """Store what the tracker published before, so that it is not decided again."""
    rows = [row for row in map(_decided_row, messages) if row is not None]
    try:
        _insert(conn, "store_decided", rows)
    except psycopg.Error as failure:
        if not caused_by_input(failure):
            raise
        for row in rows:
            _insert_unless_unusable(conn, row)


def _insert_unless_unusable(conn: Connection, row: tuple[Any, ...]) -> None:
    try:
        _insert(conn, "store_decided", [row])
    except psycopg.Error as failure:
        if not caused_by_input(failure):
            raise
        # No tracker could store this fact, so none made it.
        log.error("fact of another producer skipped", extra={"error": str(failure)[:500]})


def republish_events(conn: Connection, messages: Sequence[Incoming]) -> None:
    """Put the PREMIS events of the tracker's own facts into the outbox."""
    own = [row for row in map(_decided_row, messages) if row is not None and row[1] != "Redone"]
    rows = [
        (None, event.topic, event.key, "[]", event.value, None)
        for row in own
        for event in _events(row[8])
    ]
    _insert(conn, "put_outbox", rows)


def _events(value: bytes) -> list[Outgoing]:
    try:
        return audit_messages(decode(value, Fact))
    except (KeyError, ValueError) as failure:
        log.error("fact of another producer skipped", extra={"error": repr(failure)[:500]})
        return []


def _insert(conn: Connection, name: str, rows: Sequence[tuple[Any, ...]]) -> None:
    with conn.transaction(), conn.cursor() as cursor:
        cursor.executemany(query(name), rows)


def _decided_row(message: Incoming) -> tuple[Any, ...] | None:
    """The row of line.decided for a message of the tracker; None for one of another producer."""
    if message.topic in REDONE:
        cause = message.header("deferral") or message.header("release")
        if cause is None:
            return None
        subject = (None, None, None, 0, cause, "epoch")
        return (redone_id(cause), "Redone", *subject, message.value or b"")
    try:
        stored = StoredFact.from_bytes(message.value or b"")
    except Undecodable:
        return None
    return stored.row()[:9] if stored.head.producer.name == PRODUCER_NAME else None
