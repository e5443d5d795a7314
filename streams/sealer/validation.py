"""Validates one record of audit.intake: whether it can be sealed unchanged, and if not, why."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import NamedTuple

from confluent_kafka import Message

from schemas.codec import MAX_AUDIT_BYTES, Undecodable, encode
from schemas.event_fields import EventFields, event_fields, fields_of
from schemas.models import PremisEvent
from streams.audit.sealed_record import body_of, schema_digest
from streams.kafka.messages import headers_of, offset_of

UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
LAST_SECOND = 253402300799.0
"""9999-12-31T23:59:59Z."""


@dataclass(frozen=True, slots=True)
class IntakeRecord:
    """A record of audit.intake."""

    topic: str
    partition: int
    offset: int
    arrived_at: datetime
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


class ValidEvent(NamedTuple):
    """An event that can be sealed."""

    event: EventFields
    value: bytes
    schema_sha256: bytes

    @property
    def event_id(self) -> str:
        """Its id."""
        return self.event.event_id

    @property
    def digest(self) -> bytes:
        """SHA-256 of schema_sha256 and body. It does not depend on a registry's schema id."""
        return content_digest(self.schema_sha256, self.value)


@dataclass(frozen=True)
class InvalidRecord:
    """A record that cannot be sealed unchanged, and the reason."""

    code: str
    found: str
    event: EventFields | None = None
    """The event, if it could be decoded."""


class ReadRecord(NamedTuple):
    """A record of audit.intake, and the event in it or what is wrong with it."""

    message: Message
    result: ValidEvent | InvalidRecord

    @property
    def offset(self) -> int:
        """Its offset."""
        return offset_of(self.message)

    @property
    def record(self) -> IntakeRecord:
        """All of the record. It is needed only if something is wrong with it."""
        return intake_record(self.message)


def read_record(message: Message) -> ReadRecord:
    """A confluent-kafka message as a ReadRecord."""
    return ReadRecord(message, validate(message.key(), message.value()))


def intake_record(message: Message) -> IntakeRecord:
    """A confluent-kafka message as an IntakeRecord."""
    _, milliseconds = message.timestamp()
    # The publisher sets the time; one outside the calendar must not stop the sealer.
    seconds = min(max(milliseconds, 0) / 1000, LAST_SECOND)
    return IntakeRecord(
        topic=message.topic() or "",
        partition=message.partition() or 0,
        offset=offset_of(message),
        arrived_at=datetime.fromtimestamp(seconds, UTC),
        key=message.key(),
        value=message.value(),
        headers=tuple(headers_of(message).items()),
    )


def validate(key: bytes | None, value: bytes | None) -> ValidEvent | InvalidRecord:
    """The event of a record, or what is wrong with it; other records play no part."""
    if value is not None and len(value) > MAX_AUDIT_BYTES:
        return InvalidRecord("log.too-large", f"{len(value)} bytes, the limit is {MAX_AUDIT_BYTES}")
    try:
        event = event_fields(value)
    except Undecodable as wrong:
        return InvalidRecord("log.not-decodable", str(wrong))
    assert value is not None
    for name, text in (("event_id", event.event_id), ("cause_id", event.cause_id)):
        if text is not None and not UUID.fullmatch(text):
            return InvalidRecord(
                "log.not-decodable", f"{name} {text[:100]!r} is no lower-case UUID"
            )
    if key != event.event_id.encode():
        found = f"key {(key or b'')[:100]!r}, event_id {event.event_id}"
        return InvalidRecord("log.key-mismatch", found, event)
    return ValidEvent(event, value, schema_digest(value))


def valid_event(event: PremisEvent) -> ValidEvent:
    """An event of the sealer itself, ready to be sealed. Raises TooLarge."""
    value = encode(event)
    return ValidEvent(fields_of(event), value, schema_digest(value))


def content_digest(schema_sha256: bytes, value: bytes) -> bytes:
    """Identifies the content of an event: its schema and body, without a registry's schema id."""
    return sha256(schema_sha256 + body_of(value)).digest()
