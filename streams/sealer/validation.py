"""Judges one record of audit.intake: can it be sealed as it is, and if not, why."""

from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from uuid import UUID

from confluent_kafka import Message

from schemas.codec import MAX_AUDIT_BYTES, Undecodable, decode
from schemas.models import PremisEvent
from streams.audit.sealed_record import body_of, schema_digest
from streams.kafka.messages import headers_of, offset_of

LAST_SECOND = 253402300799.0
"""9999-12-31T23:59:59Z."""


@dataclass(frozen=True)
class Arrival:
    """A record as it stood on audit.intake."""

    topic: str
    partition: int
    offset: int
    arrived_at: datetime
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True)
class Sealable:
    """An event that can be sealed, with what decides whether it is known already."""

    event: PremisEvent
    value: bytes
    schema_sha256: bytes
    digest: bytes
    """SHA-256 of schema_sha256 and body: equal whatever id a registry gave to the schema."""

    @property
    def event_id(self) -> str:
        """Its id."""
        return self.event.head.event_id


@dataclass(frozen=True)
class Refused:
    """A record that cannot be sealed as it is."""

    code: str
    found: str
    event: PremisEvent | None = None
    """The event, when it could be read."""


def arrival_of(message: Message) -> Arrival:
    """A confluent-kafka message as an Arrival."""
    _, milliseconds = message.timestamp()
    # Whoever publishes sets the time: one that no calendar has must not stop the sealer.
    seconds = min(max(milliseconds, 0) / 1000, LAST_SECOND)
    return Arrival(
        topic=message.topic() or "",
        partition=message.partition() or 0,
        offset=offset_of(message),
        arrived_at=datetime.fromtimestamp(seconds, UTC),
        key=message.key(),
        value=message.value(),
        headers=tuple(headers_of(message).items()),
    )


def examine(arrival: Arrival) -> Sealable | Refused:
    """What the record is worth, looked at by itself."""
    value = arrival.value
    if value is not None and len(value) > MAX_AUDIT_BYTES:
        return Refused("log.too-large", f"{len(value)} bytes, the limit is {MAX_AUDIT_BYTES}")
    try:
        event = decode(value, PremisEvent)
    except Undecodable as wrong:
        return Refused("log.not-decodable", str(wrong))
    assert isinstance(event, PremisEvent) and value is not None
    for name, text in (("event_id", event.head.event_id), ("cause_id", event.head.cause_id)):
        if text is not None and not _is_uuid(text):
            return Refused("log.not-decodable", f"{name} {text[:100]!r} is no lower-case UUID")
    if arrival.key != event.head.event_id.encode():
        found = f"key {(arrival.key or b'')[:100]!r}, event_id {event.head.event_id}"
        return Refused("log.key-mismatch", found, event)
    return sealable(event, value)


def sealable(event: PremisEvent, value: bytes) -> Sealable:
    """A readable event with its digests."""
    schema_sha256 = schema_digest(value)
    return Sealable(event, value, schema_sha256, content_digest(schema_sha256, value))


def content_digest(schema_sha256: bytes, value: bytes) -> bytes:
    """What tells the same event from another: its schema and body, not a registry's number."""
    return sha256(schema_sha256 + body_of(value)).digest()


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
