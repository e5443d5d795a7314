"""Rebuilds the tables from the topics; what was told before is not decided or told again."""

import json
import logging
from collections.abc import Iterable, Sequence
from typing import Any

from schemas.codec import Undecodable, decode
from schemas.models import Fact, Head
from streams.execution.facts import audit_messages
from streams.kafka.messages import Incoming
from streams.topology import REDONE, TRACKER_INPUTS, TRACKER_OUTPUTS
from streams.tracker.process_manager import ProcessManager
from streams.tracker.queries import query
from streams.tracker.retries import redone_id
from streams.tracker.topic_reader import TopicReader
from streams.tracker.unit_of_work import PRODUCER_NAME, Connection, StoredFact

log = logging.getLogger(__name__)


def rebuild(line: ProcessManager, reader: TopicReader, *, outbox_lost: bool = False) -> None:
    """Forget everything, read the tracker's own topics, then its inputs, then decide what is new.

    Whatever is due in the outbox must have been published before. Where the outbox was lost, the
    PREMIS events of all the tracker's facts are told again; the sealer knows them by their id."""
    line.forget()
    for portion in reader.read_to_the_end(
        dict.fromkeys(reader.partitions((*TRACKER_OUTPUTS, *REDONE)), 0)
    ):
        store_decided(line.conn, portion)
        if outbox_lost:
            tell_events_again(line.conn, portion)
    for portion in reader.read_to_the_end(line.offsets(reader.partitions(TRACKER_INPUTS))):
        line.take(portion, decide=False)
    line.finish_rebuild()
    log.info("rebuilt from the topics")


def store_decided(conn: Connection, messages: Sequence[Incoming]) -> None:
    """Remember what the tracker told before."""
    rows = [row for row in map(_decided, messages) if row is not None]
    with conn.transaction(), conn.cursor() as cursor:
        cursor.executemany(query("store_decided"), rows)


def tell_events_again(conn: Connection, messages: Sequence[Incoming]) -> None:
    """Put the PREMIS events of the tracker's own facts into the outbox."""
    own = [row for row in map(_decided, messages) if row is not None and row[1] != "Redone"]
    events = [event for row in own for event in audit_messages(decode(row[8], Fact))]
    rows = [(None, event.topic, event.key, "[]", event.value, None) for event in events]
    with conn.transaction(), conn.cursor() as cursor:
        cursor.executemany(query("put_outbox"), rows)


def _decided(message: Incoming) -> tuple[Any, ...] | None:
    if message.topic in REDONE:
        deferral = message.header("deferral") or message.header("release")
        if deferral is None:
            return None
        about = (None, None, None, 0, deferral, "epoch")
        return (redone_id(deferral), "Redone", *about, message.value or b"")
    try:
        seen = StoredFact(decode(message.value, Fact), message.value or b"")
    except Undecodable:
        return None
    head: Head = seen.head
    return seen.row()[:9] if head.producer.name == PRODUCER_NAME else None


TABLES: dict[str, str] = {
    "batches": "batch_id, received_id, manifest_sha256, accepted_id, item_count, page_count,"
    " priority, paused, cancelled, refused, turned_away, settled",
    "items": "item_id, batch_id, registered_id, revision, page_count, required, cancelled, blocked,"
    " held, completed_id, package_id, state",
    "refused": "registered_id, batch_id, item_id, page_count, quarantine_id",
    "pages": "page_id, item_id, batch_id, revision, admitted_id, ended, faulty, resolved, state",
    "page_branches": "page_id, revision, step, event_id",
    "packages": "package_id, batch_id, item_id, revision, sha256, event_id, state",
    "quarantine": "quarantine_id, batch_id, item_id, page_id, code, attempts, resume_at, required,"
    " state",
    "batch_status": "batch_id, state, registered, packaged, quarantined, cancelled, in_flight",
}


def dump(conn: Connection) -> str:
    """All that the tracker knows, as sorted JSON lines without clocks and serial numbers."""
    return "\n".join(sorted(_lines(conn, TABLES.items()))) + "\n"


def _lines(conn: Connection, tables: Iterable[tuple[str, str]]) -> Iterable[str]:
    for table, columns in tables:
        text = f"SELECT row_to_json(x) FROM (SELECT {columns} FROM line.{table}) x"
        for (row,) in conn.execute(text.encode()):
            yield json.dumps([table, row], sort_keys=True, ensure_ascii=False)
