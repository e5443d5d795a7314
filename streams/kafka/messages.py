"""Kafka messages as this software reads and writes them."""

from collections.abc import Mapping
from dataclasses import dataclass
from operator import methodcaller

from confluent_kafka import Message

from schemas.models import Origin

LONGEST_KEY_BYTES = 1000
"""A longer key of an external client is cut in the record; our own keys are shorter."""
_headers = methodcaller("headers")


def offset_of(message: Message) -> int:
    """The offset of a message that is stored at the broker."""
    offset = message.offset()
    assert offset is not None, "the message has no offset"
    return offset


def headers_of(message: Message) -> dict[str, bytes]:
    """The headers of a message; empty when a header name is not UTF-8, which Kafka allows.

    For such names confluent-kafka 2.16.1 returns broken tuples and leaves an error set that a
    plain call ignores. `methodcaller` sees it and raises SystemError; a second call returns
    nothing."""
    try:
        pairs = _headers(message) or ()
    except SystemError:
        return {}
    return {name: _bytes(value) or b"" for name, value in pairs}


@dataclass(frozen=True)
class Outgoing:
    """One message to publish."""

    topic: str
    key: str
    value: bytes


@dataclass(frozen=True)
class Incoming:
    """One message read from a partition."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Mapping[str, bytes]

    def header(self, name: str) -> str | None:
        """A header as text."""
        value = self.headers.get(name)
        return None if value is None else value.decode("utf-8", "backslashreplace")

    def origin(self, event_id: str) -> Origin:
        """Topic, partition, offset and key, for a record about this message."""
        key = None
        if self.key is not None:
            key = self.key[:LONGEST_KEY_BYTES].decode("utf-8", "backslashreplace")
        return Origin(
            topic=self.topic,
            partition=self.partition,
            offset=self.offset,
            key=key,
            event_id=event_id,
        )


def incoming_of(message: Message) -> Incoming:
    """A confluent-kafka message as an Incoming."""
    topic, partition, offset = message.topic(), message.partition(), message.offset()
    assert topic is not None and partition is not None and offset is not None
    return Incoming(
        *(topic, partition, offset, _bytes(message.key()), _bytes(message.value())),
        headers_of(message),
    )


def _bytes(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value
