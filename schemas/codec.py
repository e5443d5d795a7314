"""Encodes and decodes messages in Confluent wire format: magic 0, 4-byte schema id, Avro body."""

import json
import struct
from collections.abc import Iterator
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
    """The bytes are not a known message; the message says why."""


class TooLarge(ValueError):
    """A message exceeds its maximum size."""


def _schema(schema_id: int) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(schema_store().text(schema_id))
    return schema


@cache
def _parsed(schema_id: int) -> tuple[str, Any]:
    schema = _schema(schema_id)
    # Each version has its own names, because a later version redefines the same record.
    return schema["name"], fastavro.parse_schema(schema, named_schemas={})


def encode(fact: Message) -> bytes:
    """A message in wire format. Raises UnknownSchema, TooLarge, and ValueError without event_id."""
    record = type(fact).__name__
    if not fact.head.event_id:
        raise ValueError(f"{record} has no event_id: the driver stamps heads")
    if record == EVENT:
        value = _in_oldest_schema(fact)
    else:
        value = _serialised(fact.model_dump(), schema_store().latest_id(record))
    limit = MAX_AUDIT_BYTES if record == EVENT else MAX_MESSAGE_BYTES
    if len(value) > limit:
        raise TooLarge(f"{record} takes {len(value)} bytes, the limit is {limit}")
    return value


def _in_oldest_schema(event: Message) -> bytes:
    """An event in the oldest version of its schema that has all its fields.

    Later versions of this software make events from facts again, so the bytes and the schema must
    depend on the fact alone."""
    plain = event.model_dump(exclude_defaults=True)
    versions = schema_store().ids(EVENT)
    sufficient = (
        one for one in versions if not any(_has(plain, path) for path in _fields_added_after(one))
    )
    return _serialised(plain, next(sufficient))


@cache
def _fields_added_after(schema_id: int) -> tuple[tuple[str, ...], ...]:
    """Paths of the fields that the latest event schema has and this version has not."""
    latest = schema_store().latest_id(EVENT)
    return tuple(sorted({*_paths(_schema(latest), {})} - {*_paths(_schema(schema_id), {})}))


def _paths(
    type_: Any, records: dict[str, Any], prefix: tuple[str, ...] = ()
) -> Iterator[tuple[str, ...]]:
    """The path of every field in a schema; a list adds no step to a path.

    `records` collects named records: Avro writes each of them once and then names it."""
    if isinstance(type_, str):
        type_ = records.get(type_)
    if isinstance(type_, list):
        for one in type_:
            yield from _paths(one, records, prefix)
    elif isinstance(type_, dict):
        if "name" in type_:
            records[f"{type_['namespace']}.{type_['name']}"] = type_
        yield from _paths(type_.get("items"), records, prefix)
        for field in type_.get("fields", ()):
            path = (*prefix, field["name"])
            yield path
            yield from _paths(field["type"], records, path)


def _has(plain: Any, path: tuple[str, ...]) -> bool:
    """Whether a record, or one of a list of records, has a value at this path."""
    if isinstance(plain, list | tuple):
        return any(_has(one, path) for one in plain)
    if not path:
        return True
    return isinstance(plain, dict) and path[0] in plain and _has(plain[path[0]], path[1:])


def _serialised(plain: dict[str, Any], schema_id: int) -> bytes:
    """A record in one version of its schema. Raises ValueError if that lacks a field."""
    out = BytesIO()
    out.write(PREFIX.pack(MAGIC, schema_id))
    fastavro.schemaless_writer(out, _parsed(schema_id)[1], plain, strict_allow_default=True)
    return out.getvalue()


def schema_id_of(value: bytes | None) -> int:
    """The schema id of a message. Raises Undecodable."""
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
    """The message in these bytes. Raises Undecodable if it is unknown or not of the expected
    type."""
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
    except Exception as wrong:  # fastavro raises many types of exceptions for invalid bytes.
        raise Undecodable(f"{type(wrong).__name__}: {str(wrong)[:500]}") from wrong
    if expected is not None and not isinstance(fact, expected):
        raise Undecodable(f"found a {record} where a {expected.__name__} belongs")
    return fact
