"""What commands about the line share: filters, rows of its tables, requests and their answers."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import click
import psycopg
from confluent_kafka import Consumer, TopicPartition
from psycopg.rows import dict_row

from schemas.catalogue import key_of, topic_of
from schemas.codec import decode, encode
from schemas.ids import PSEUDONYM, make_id
from schemas.models import ControlDecided, ControlRequested, Head, Producer
from schemas.times import written
from streams.cli.output import Exit, emit, fail, json_option, out, table
from streams.publisher import KafkaPublisher
from streams.receipts import Outgoing
from streams.settings import NotUp, Settings

ROLE = "auditor_ro"
Row = dict[str, Any]


def rows(query: str, values: Row) -> list[Row]:
    """Rows of a query as documents, times in ISO 8601; ends the command when Postgres is away."""
    try:
        with psycopg.connect(
            Settings.load().dsn(ROLE), row_factory=dict_row, connect_timeout=5
        ) as conn:
            found = conn.execute(query.encode(), values).fetchall()
    except (NotUp, psycopg.OperationalError) as away:
        fail(Exit.MISSING_PART, f"Postgres does not answer: {away}".strip(), "Run: copystand up")
    return [{name: _plain(value) for name, value in row.items()} for row in found]


def _plain(value: Any) -> Any:
    return written(value) if isinstance(value, datetime) else value


def emit_rows(found: list[Row], as_json: bool, columns: list[str]) -> None:
    """Print rows as JSON or as a table of these columns."""
    emit(found, as_json, lambda document: table(document, columns))


def show_row(row: Row | None, as_json: bool, unknown: str) -> None:
    """Print one document, field by field; ends the command when there is none."""
    if row is None:
        fail(Exit.FAILED, unknown)
    emit(row, as_json, _field_by_field)


def _field_by_field(row: Row) -> None:
    for name, value in row.items():
        if value in (None, []):
            continue
        if isinstance(value, list) and isinstance(value[0], dict):
            table(value, list(value[0]))
        else:
            text = ", ".join(map(str, value)) if isinstance(value, list) else value
            out.print(f"[bold]{name}[/] {text}", highlight=False)


def control_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds what every request must say: who asks and why."""
    for option in (
        click.option("--by", required=True, help="Your pseudonym, such as p-4."),
        click.option("--reason", required=True, help="Why; it stands in the audit log."),
        click.option("--timeout", type=float, default=30.0, show_default=True, help="Seconds."),
        json_option,
    ):
        command = option(command)
    return command


def request(
    action: str,
    subjects: list[str],
    by: str,
    reason: str,
    timeout: float,
    as_json: bool,
    value: str | None = None,
) -> None:
    """Ask for a decision, wait for the answer and print it; a refusal ends with code 1."""
    if not PSEUDONYM.match(by):
        fail(
            Exit.USAGE,
            f"person.not-a-pseudonym: --by takes a pseudonym such as p-4, got {by!r}",
            "Get one with: copystand person add NAME",
        )
    settings = Settings.load()
    fact = _request(settings, action, subjects, by, reason, value)
    answer = _asked(settings, fact, timeout)
    if answer is None:
        fail(Exit.TIMEOUT, f"the tracker has not answered within {timeout:g} s", "copystand status")
    named = {"granted", "action", "subjects", "value", "code", "fix", "by", "reason"}
    emit(answer.model_dump(mode="json", include=named), as_json, _field_by_field)
    if not answer.granted:
        fail(Exit.FAILED, f"{answer.code}: {answer.fix}")


def _request(
    settings: Settings, action: str, subjects: list[str], by: str, reason: str, value: str | None
) -> ControlRequested:
    batch_ids = [
        name for kind, _, name in (one.partition(":") for one in subjects) if kind == "batch"
    ]
    return ControlRequested(
        head=Head(
            event_id=str(uuid4()),
            batch_id=batch_ids[0] if batch_ids else None,
            revision=1,
            occurred_at=datetime.now(UTC),
            producer=Producer(name="copystand/cli", version=settings.version),
        ),
        action=action,
        subjects=tuple(subjects),
        value=value,
        by=by,
        reason=reason,
    )


def _asked(settings: Settings, fact: ControlRequested, timeout: float) -> ControlDecided | None:
    """The tracker's answer, or None when it does not come in time."""
    topic = topic_of("ControlDecided").name
    group = {"group.id": "copystand.cli", "enable.auto.commit": False}
    consumer = Consumer({"bootstrap.servers": settings.kafka, **group})
    try:
        _, end = consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=timeout)
        consumer.assign([TopicPartition(topic, 0, end)])
        publisher = KafkaPublisher(settings.kafka)
        publisher.publish([Outgoing(topic_of("ControlRequested").name, key_of(fact), encode(fact))])
        publisher.close()
        return _answer(consumer, make_id(fact.head.event_id, "ControlDecided"), timeout)
    finally:
        consumer.close()


def _answer(consumer: Consumer, event_id: str, timeout: float) -> ControlDecided | None:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        message = consumer.poll(0.2)
        if message is None or message.error():
            continue
        decided = decode(message.value())
        if isinstance(decided, ControlDecided) and decided.head.event_id == event_id:
            return decided
    return None
