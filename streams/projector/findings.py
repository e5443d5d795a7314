"""Findings about records and rows of the log that its writers did not write, sealed as events."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import psycopg

from schemas.codec import encode
from schemas.ids import make_id
from schemas.models import Head, PremisEvent, Producer
from streams.audit.log_events import ANOMALY, log_event
from streams.audit.object_names import file_name
from streams.kafka.messages import Outgoing
from streams.projector.rows import QUERY
from streams.sealer.log_order import ForeignRecord

PRODUCER_NAME = "copystand/projector"
Report = Callable[[Sequence[PremisEvent]], None]
"""Publishes findings for the sealer; returns when the broker has them."""


def of_record(topic: str, record: ForeignRecord, made_by: Producer) -> PremisEvent:
    """The finding about a record on audit.premis; the same record always gives the same finding."""
    detail = f"{topic}, partition 0, offset {record.offset}: {record.found}. It is not projected."
    event_id = id_of_record(topic, record.offset, record.sha256)
    return _finding(
        event_id, "log.foreign-record", detail, record.arrived_at, record.sha256, made_by
    )


def id_of_record(topic: str, offset: int, sha256: str) -> str:
    """The event_id of the finding about a record with this place and digest."""
    return make_id("projector", topic, offset, sha256)


def of_rows(connection: psycopg.Connection[Any], report: Report, made_by: Producer) -> int:
    """Move rows that the projector did not write out of audit.events, and report each one once.

    Returns the number of rows."""
    connection.execute(QUERY("move_foreign_rows"))
    rows = connection.execute(QUERY("unreported_rows")).fetchall()
    if rows:
        report([_of_row(made_by, *row) for row in rows])
        numbers = [row[0] for row in rows]
        connection.execute(QUERY("mark_reported"), {"numbers": numbers})
    return len(rows)


def _of_row(
    made_by: Producer, number: int, seq: int, sha256: str, found_at: datetime
) -> PremisEvent:
    detail = f"audit.events had a row with seq {seq} that is not from the sealed log."
    event_id = make_id("projector", "row", number, seq, sha256)
    return _finding(event_id, "log.foreign-row", detail, found_at, sha256, made_by)


def _finding(
    event_id: str, code: str, detail: str, occurred_at: datetime, sha256: str, made_by: Producer
) -> PremisEvent:
    head = Head(
        event_id=event_id, revision=1, occurred_at=occurred_at.astimezone(UTC), producer=made_by
    )
    return log_event(ANOMALY, head, detail, code=code, sources=[file_name(sha256)])


def messages(topic: str, events: Sequence[PremisEvent]) -> list[Outgoing]:
    """Findings as messages for the intake."""
    return [Outgoing(topic, event.head.event_id, encode(event)) for event in events]
