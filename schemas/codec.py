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


@cache
def _reading(schema_id: int) -> tuple[type[Message], Any, Any]:
    """The model of a schema, the schema, and the latest one of its record, which reads it."""
    record, schema = _parsed(schema_id)
    model: type[Message] = getattr(models, record)
    return model, schema, _parsed(schema_store().latest_id(record))[1]


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
    plain = event.model_dump()
    for schema_id in schema_store().ids(EVENT):
        if not any(_uses(plain, path, default) for path, default in _added_after(schema_id)):
            return _serialised(plain, schema_id, strict=False)
    raise AssertionError("the latest version has all fields")


@cache
def _added_after(schema_id: int) -> tuple[tuple[tuple[str, ...], Any], ...]:
    """The fields, with their defaults, that the latest event schema has and this one has not."""
    latest = dict(_fields(_schema(schema_store().latest_id(EVENT)), {}))
    known = dict(_fields(_schema(schema_id), {}))
    return tuple((path, latest[path]) for path in latest if path not in known)


def _fields(
    type_: Any, records: dict[str, Any], prefix: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The path and the default of every field in a schema; a list adds no step to a path.

    `records` collects named records: Avro writes each of them once and then names it."""
    if isinstance(type_, str):
        type_ = records.get(type_)
    if isinstance(type_, list):
        for one in type_:
            yield from _fields(one, records, prefix)
    elif isinstance(type_, dict):
        if "name" in type_:
            records[f"{type_['namespace']}.{type_['name']}"] = type_
        yield from _fields(type_.get("items"), records, prefix)
        for field in type_.get("fields", ()):
            path = (*prefix, field["name"])
            yield path, field.get("default")
            yield from _fields(field["type"], records, path)


def _uses(plain: Any, path: tuple[str, ...], default: Any) -> bool:
    """Whether a record, or one of a list of records, has another value than the default."""
    if isinstance(plain, list | tuple) and path:
        return any(_uses(one, path, default) for one in plain)
    if path:
        return plain is not None and _uses(plain[path[0]], path[1:], default)
    return bool((list(plain) if isinstance(plain, tuple) else plain) != default)


def _serialised(plain: dict[str, Any], schema_id: int, *, strict: bool = True) -> bytes:
    """A record in one version of its schema. Raises ValueError for fields that it does not have,
    or leaves them out when not strict."""
    out = BytesIO()
    out.write(PREFIX.pack(MAGIC, schema_id))
    fastavro.schemaless_writer(out, _parsed(schema_id)[1], plain, strict_allow_default=strict)
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
        model, schema, reader = _reading(schema_id)
        body = BytesIO(value[PREFIX.size :])
        plain = fastavro.schemaless_reader(body, schema, reader)
        if body.read(1):
            raise Undecodable(f"bytes are left over after the {model.__name__}")
        fact = model.model_validate(plain)
    except Undecodable:
        raise
    except UnknownSchema as unknown:
        raise Undecodable(str(unknown)) from unknown
    except Exception as wrong:  # fastavro raises many types of exceptions for invalid bytes.
        raise Undecodable(f"{type(wrong).__name__}: {str(wrong)[:500]}") from wrong
    if expected is not None and not isinstance(fact, expected):
        raise Undecodable(f"found a {model.__name__} where a {expected.__name__} belongs")
    return fact
