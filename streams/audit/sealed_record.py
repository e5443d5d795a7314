"""The seal of one event: the headers that number and date it, and its leaf in the tree."""

import struct
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from schemas.codec import MAGIC, PREFIX, decode, schema_id_of
from schemas.event_fields import EventFields, event_fields
from schemas.models import PremisEvent
from schemas.store import SchemaStore, schema_store

UNSIGNED, TWO_UNSIGNED = struct.Struct(">Q"), struct.Struct(">QQ")
DIGEST_BYTES = 32
SEAL_BYTES = (
    ("seq", UNSIGNED.size),
    ("sealed_at", UNSIGNED.size),
    ("schema_sha256", DIGEST_BYTES),
)
"""The headers of a sealed record and their lengths."""

Headers = list[tuple[str, str | bytes | None]]
"""Headers as the Kafka client takes and gives them."""


class BrokenSeal(ValueError):
    """A record on audit.premis without the headers of a sealed record."""


class Seal(NamedTuple):
    """What the sealer adds to an event: its number, the time of sealing, its schema."""

    seq: int
    sealed_at: int
    """Microseconds since 1970, UTC."""
    schema_sha256: bytes


class SealedRecord(NamedTuple):
    """A sealed event, as it is on audit.premis."""

    event_id: str
    value: bytes
    seal: Seal
    read: EventFields | None = None
    """The fields of its event, if they are read already."""

    @property
    def fields(self) -> EventFields:
        """The fields of its event, in a fraction of the time of `event`. Raises Undecodable."""
        return self.read or event_fields(self.value)

    @property
    def event(self) -> PremisEvent:
        """The event in it. Raises Undecodable."""
        return decode(self.value, PremisEvent)

    @property
    def leaf(self) -> bytes:
        """Its bytes in the hash tree."""
        seal = self.seal
        return leaf(seal.seq, seal.sealed_at, seal.schema_sha256, body_of(self.value))


def schema_digest(value: bytes, store: SchemaStore | None = None) -> bytes:
    """SHA-256 of the registered schema that an event was written with. Raises UnknownSchema."""
    return (store or schema_store()).digest(schema_id_of(value))


def registered_schema(digest: bytes) -> bytes:
    """The registered schema with a SHA-256. Raises UnknownSchema."""
    store = schema_store()
    return store.text(store.id_of(digest)).encode()


def body_of(value: bytes) -> bytes:
    """The Avro body of a message, without the prefix that depends on a registry."""
    return value[PREFIX.size :]


def leaf(seq: int, sealed_at: int, schema_sha256: bytes, body: bytes) -> bytes:
    """The bytes of a sealed event in the hash tree (docs/contract.md §6)."""
    if len(schema_sha256) != DIGEST_BYTES:
        raise ValueError(f"schema_sha256 has {len(schema_sha256)} bytes, not {DIGEST_BYTES}")
    return TWO_UNSIGNED.pack(seq, sealed_at) + schema_sha256 + body


def leaf_with_headers(seq: bytes, sealed_at: bytes, schema_sha256: bytes, body: bytes) -> bytes:
    """As `leaf`, with the bytes that the headers of the record have."""
    return seq + sealed_at + schema_sha256 + body


def record_of(leaf: bytes) -> SealedRecord:
    """The record of which these are the bytes in the tree. Raises UnknownSchema, Undecodable."""
    body_start = 2 * UNSIGNED.size + DIGEST_BYTES
    seq, sealed_at = TWO_UNSIGNED.unpack_from(leaf)
    digest = leaf[2 * UNSIGNED.size : body_start]
    value = PREFIX.pack(MAGIC, schema_store().id_of(digest)) + leaf[body_start:]
    fields = event_fields(value)
    return SealedRecord(fields.event_id, value, Seal(seq, sealed_at, digest), fields)


def headers_of(seal: Seal) -> Headers:
    """The headers of a sealed record."""
    return [
        ("seq", UNSIGNED.pack(seal.seq)),
        ("sealed_at", UNSIGNED.pack(seal.sealed_at)),
        ("schema_sha256", seal.schema_sha256),
    ]


def seal_of(headers: Mapping[str, Any] | Sequence[tuple[str, Any]] | None) -> Seal:
    """The seal in a record's headers. Raises BrokenSeal."""
    found = dict(headers or ())
    for name, length in SEAL_BYTES:
        if len(found.get(name) or b"") != length:
            raise BrokenSeal(f"header {name} must have {length} bytes: {found.get(name)!r}")
    seq, sealed_at = TWO_UNSIGNED.unpack(found["seq"] + found["sealed_at"])
    return Seal(seq, sealed_at, found["schema_sha256"])
