"""Confluent wire format: magic 0, 4-byte schema id, Avro body; models in, models out."""

import json
import struct
from functools import cache
from io import BytesIO
from typing import Any, TypeVar, overload

import fastavro

from schemas import models
from schemas.models import Message
from schemas.store import UnknownSchema, schema_store

MAGIC = 0
PREFIX = struct.Struct(">bI")
MAX_MESSAGE_BYTES = 512 * 1024
MAX_AUDIT_BYTES = 48 * 1024
EVENT = "PremisEvent"
M = TypeVar("M", bound=Message)


class Undecodable(ValueError):
    """Bytes that are no fact of ours; the text says why."""


class TooLarge(ValueError):
    """A message over its limit."""


@cache
def _parsed(schema_id: int) -> tuple[str, Any]:
    schema = json.loads(schema_store().text(schema_id))
    # Each version gets its own names: a later version redefines the same record.
    return schema["name"], fastavro.parse_schema(schema, named_schemas={})


def encode(fact: Message) -> bytes:
    """A fact as bytes on the wire. Raises UnknownSchema, TooLarge; ValueError for no head."""
    record = type(fact).__name__
    if not fact.head.event_id:
        raise ValueError(f"{record} has no event_id: the driver stamps heads")
    if record == EVENT:
        value = _written_as_first(fact)
    else:
        value = _written(fact.model_dump(), schema_store().latest_id(record))
    limit = MAX_AUDIT_BYTES if record == EVENT else MAX_MESSAGE_BYTES
    if len(value) > limit:
        raise TooLarge(f"{record} takes {len(value)} bytes, the limit is {limit}")
    return value


def _written_as_first(event: Message) -> bytes:
    """An event in the oldest version of its schema that has all its fields.

    Events are made from facts again, also by later versions of this software: their bytes, and so
    the schema, must follow from the fact alone."""
    plain = event.model_dump(exclude_defaults=True)
    *older, latest = schema_store().ids(EVENT)
    for schema_id in older:
        try:
            return _written(plain, schema_id)
        except ValueError:
            continue  # it lacks a field
    return _written(plain, latest)


def _written(plain: dict[str, Any], schema_id: int) -> bytes:
    """A record in one version of its schema. Raises ValueError for a field that it lacks."""
    out = BytesIO()
    out.write(PREFIX.pack(MAGIC, schema_id))
    fastavro.schemaless_writer(out, _parsed(schema_id)[1], plain, strict_allow_default=True)
    return out.getvalue()


def schema_id_of(value: bytes | None) -> int:
    """The schema id in a message's prefix. Raises Undecodable."""
    if value is None:
        raise Undecodable("the message has no value")
    if len(value) < PREFIX.size:
        raise Undecodable(f"{len(value)} bytes are too few for the wire format")
    magic, schema_id = PREFIX.unpack_from(value)
    if magic != MAGIC:
        raise Undecodable(f"the first byte is {magic}, not {MAGIC}")
    return int(schema_id)


@overload
def decode(value: bytes | None) -> Message: ...


@overload
def decode(value: bytes | None, expected: type[M]) -> M: ...


def decode(value: bytes | None, expected: type[Message] | None = None) -> Message:
    """The fact in a message. Raises Undecodable for all that is no fact of ours, or not the
    expected one."""
    schema_id = schema_id_of(value)
    assert value is not None
    try:
        record, schema = _parsed(schema_id)
        reader = _parsed(schema_store().latest_id(record))[1]
        body = BytesIO(value[PREFIX.size :])
        plain = fastavro.schemaless_reader(body, schema, reader)
        if body.read(1):
            raise Undecodable(f"bytes are left over after the {record}")
        model: type[Message] = getattr(models, record)
        fact = model.model_validate(plain)
    except Undecodable:
        raise
    except UnknownSchema as unknown:
        raise Undecodable(str(unknown)) from unknown
    except Exception as wrong:  # fastavro raises whatever the bytes provoke
        raise Undecodable(f"{type(wrong).__name__}: {str(wrong)[:500]}") from wrong
    if expected is not None and not isinstance(fact, expected):
        raise Undecodable(f"found a {record} where a {expected.__name__} belongs")
    return fact
