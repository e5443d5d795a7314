"""A small audit log in the tables, with which the commands of auditors are tried."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result

from processors.premis import event_type_uri
from schemas.codec import encode
from schemas.ids import make_id, premis_id
from schemas.models import PremisEvent
from streams import free_texts
from streams.audit.sealed_record import Seal, schema_digest
from streams.cli.main import cli
from streams.projector.rows import copy_in, row_of
from tests.support.audit_log import WHEN, an_event, fresh_projection
from tests.support.parts import Parts

BATCH = {"batch_id": "b-1", "item_id": None, "page_id": None}
ITEM = {"batch_id": "b-1", "item_id": "i-1", "page_id": None}
PAGE = {"batch_id": "b-1", "item_id": "i-1", "page_id": "i-1:0001"}
OTHER = {"batch_id": "b-1", "item_id": "i-1", "page_id": "i-1:0002"}
SEALED_AT = 1_770_000_000_000_000
"""When the first event was sealed, 2026-02-02T02:40:00Z; the others follow in seconds."""
DECIDED = {"batch_id": "b-7", "item_id": None, "page_id": None}
REASON = "Frau Muster has asked for it"
STORY = [
    ("PageAdmitted", "admission", PAGE, 3),
    ("BatchReceived", "submission receipt", BATCH, 0),
    ("PageAcquired", "ingestion", PAGE, 4),
    ("ItemRegistered", "registration", ITEM, 2),
    ("BatchAccepted", "validation", BATCH, 1),
    ("PageAcquired", "ingestion", OTHER, 5),
    ("PackagePublished", "information package creation", ITEM, 8),
    ("PageRecognized", "transcription", PAGE, 6),
    ("ItemCompleted", "completion", ITEM, 6),
    ("BatchSettled", "settlement", BATCH, 9),
]


def events_of(
    record: str, kind: str, subject: dict[str, str | None], seconds: int
) -> list[PremisEvent]:
    """The events of one fact."""
    fact = make_id("cli", record, str(subject["page_id"]))
    when = WHEN + timedelta(seconds=seconds)
    events = []
    for ordinal, label in enumerate([kind, "fixity check"] if record == "PageAcquired" else [kind]):
        event_id = premis_id(fact, ordinal)
        event = an_event(0, event_id=event_id, cause_id=fact, occurred_at=when, **subject)
        change = {"fact": record, "event_type": label, "ordinal": ordinal}
        uri = event_type_uri(label)
        events.append(event.model_copy(update=change | {"event_type_uri": uri}))
    return events


@pytest.fixture(scope="module")
def stored_reason(parts: Parts) -> Iterator[str]:
    """The reference to a reason that is stored."""
    with psycopg.connect(parts.dsn("tracker")) as connection:
        reference = free_texts.put(connection, REASON, "p-4")
    yield reference
    with psycopg.connect(parts.dsn("tracker")) as connection:
        connection.execute("DELETE FROM people.texts")


@pytest.fixture(scope="module")
def audited(parts: Parts, stored_reason: str) -> Iterator[Path]:
    """The home of a line whose tables have the events of the story."""
    fresh_projection(parts.dsn())
    rows = []
    (decision,) = events_of("ControlDecided", "decision", DECIDED, 10)
    events = [event for part in STORY for event in events_of(*part)]
    for event in [*events, decision.model_copy(update={"detail": f"pause: {stored_reason}"})]:
        value = encode(event)
        sealed_at = SEALED_AT + 1_000_000 * len(rows)
        rows.append(row_of(Seal(len(rows), sealed_at, schema_digest(value)), value))
    with psycopg.connect(parts.dsn("projector")) as connection:
        copy_in(connection.cursor(), rows)
        connection.execute("UPDATE audit.projector_position SET last_seq = %s", [len(rows) - 1])
    with psycopg.connect(parts.dsn()) as connection:
        connection.execute(LINE)
    yield parts.home
    with psycopg.connect(parts.dsn()) as connection:
        connection.execute(LINE_AWAY)


LINE = """
INSERT INTO line.batches (batch_id) VALUES ('b-1');
INSERT INTO line.items (item_id, item_key, batch_id, registered_id, registered_at, revision, page_count,
    required, page_list, profile) VALUES ('i-1', 'i-1', 'b-1', 'r', now(), 1, 4, '{}', '{}', '{}');
INSERT INTO line.pages (page_id, item_id, batch_id, ref, sequence, kind, revision, entry) VALUES
    ('i-1:0001', 'i-1', 'b-1', '0001', 1, 'page', 1, '{"labels": ["1v", "2r"]}'),
    ('i-1:0002', 'i-1', 'b-1', '0002', 2, 'page', 1, '{"labels": ["plate"]}'),
    ('i-1:0003', 'i-1', 'b-1', '0003', 3, 'page', 1, '{"labels": ["plate", "0001"]}');
"""
LINE_AWAY = """
DELETE FROM line.pages WHERE item_id = 'i-1'; DELETE FROM line.items WHERE item_id = 'i-1';
DELETE FROM line.batches WHERE batch_id = 'b-1';
"""


def run(audited: Path, *words: str) -> Result:
    """What a command of auditors answers."""
    return CliRunner().invoke(cli, ["audit", *words], env={"COPYSTAND_HOME": str(audited)})


def history(result: Result) -> list[str]:
    """Fact and type of each event of an answer."""
    return [f"{event['fact']} {event['event_type']}" for event in json.loads(result.stdout)]
