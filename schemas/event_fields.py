"""Reads PREMIS events as plain values, several times as fast as the decoder of all messages."""

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from schemas.codec import EVENT, PREFIX, decode, schema_id_of
from schemas.models import PremisEvent
from schemas.store import schema_store

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TEXT, OPTIONAL_TEXT, NUMBER, TIME, TEXTS, AGENTS = range(6)
KINDS = {
    '"string"': TEXT,
    '["null", "string"]': OPTIONAL_TEXT,
    '"int"': NUMBER,
    '{"logicalType": "timestamp-micros", "type": "long"}': TIME,
    '{"items": "string", "type": "array"}': TEXTS,
}
AGENT = {"type": TEXT, "name": TEXT, "version": OPTIONAL_TEXT, "role": TEXT}
AGENT_KINDS, TEXT_KINDS = tuple(AGENT.values()), (TEXT,)
REPEATED = {"fact", "ordinal", "event_type", "event_type_uri", "outcome", "code", "agents"}
"""Fields that are the same in many events, as are those of the producer."""
LONGEST_RUN = 1000
"""Bytes of repeated fields that are kept. Longer ones are rare, and would fill the memory."""
LONGEST_NUMBER = 9
"""Bytes. One of 10 bytes may exceed 64 bits."""


class AgentFields(NamedTuple):
    """The fields of an agent, in the order of AGENT."""

    type: str
    name: str
    version: str | None
    role: str


class EventFields(NamedTuple):
    """The fields of a PREMIS event, in the order of its latest schema."""

    event_id: str
    cause_id: str | None
    batch_id: str | None
    item_id: str | None
    page_id: str | None
    revision: int
    occurred_at: datetime
    producer_name: str
    producer_version: str
    producer_worker: str | None
    fact: str
    ordinal: int
    event_type: str
    event_type_uri: str
    outcome: str
    code: str | None
    detail: str
    agents: tuple[AgentFields, ...]
    sources: tuple[str, ...]
    results: tuple[str, ...]


def event_fields(value: bytes | None) -> EventFields:
    """The fields of the event in these bytes. Raises Undecodable.

    What the fast reader does not know is left to the decoder of all messages, which alone decides
    that bytes are not an event."""
    read = _reader(schema_id_of(value))
    if read is not None and value is not None:
        try:
            return read(value)
        except (ValueError, IndexError, OverflowError):
            pass
    return fields_of(decode(value, PremisEvent))


def fields_of(event: PremisEvent) -> EventFields:
    """The fields of an event that is decoded already."""
    head, producer = event.head, event.head.producer
    return EventFields(
        *(head.event_id, head.cause_id, head.batch_id, head.item_id, head.page_id),
        *(head.revision, head.occurred_at, producer.name, producer.version, producer.worker),
        *(event.fact, event.ordinal, event.event_type, event.event_type_uri),
        *(event.outcome, event.code, event.detail),
        tuple(AgentFields(one.type, one.name, one.version, one.role) for one in event.agents),
        *(event.sources, event.results),
    )


@cache
def field_kinds(schema_id: int) -> tuple[int, ...] | None:
    """The kinds of the fields of a version of the schema in the order of its bytes; None if it has
    another kind, or is not a schema of events."""
    store = schema_store()
    if schema_id not in store.ids(EVENT):
        return None
    kinds = [kind for _, kind in _flat(json.loads(store.text(schema_id)))]
    known = tuple(kind for kind in kinds if kind is not None)
    return known if len(known) == len(kinds) else None


@cache
def _reader(schema_id: int) -> Callable[[bytes], EventFields] | None:
    """Reads events of a version of the schema; None if it has a type that is not known here."""
    store = schema_store()
    kinds = field_kinds(schema_id)
    if kinds is None:
        return None
    written = dict(_flat(json.loads(store.text(schema_id))))
    latest = dict(_flat(json.loads(store.text(store.latest_id(EVENT)))))
    # So far, an older version lacks only fields that may be null, and null is their default.
    added = [latest[path] for path in latest.keys() - written.keys()]
    if any(kind != OPTIONAL_TEXT for kind in added):
        return None
    places = {path: place for place, path in enumerate(written)}
    in_order = itemgetter(*(places.get(path, len(kinds)) for path in latest))
    runs = [
        (is_repeated, tuple(kind for _, kind in fields if kind is not None))
        for is_repeated, fields in groupby(written.items(), lambda field: _is_repeated(field[0]))
    ]

    def read(value: bytes) -> EventFields:
        values: list[Any] = []
        end = PREFIX.size
        for is_repeated, some_kinds in runs:
            some, end = (_repeated if is_repeated else field_values)(value, end, some_kinds)
            values += some
        if end != len(value):
            raise ValueError("the event ends elsewhere")
        values.append(None)
        return EventFields._make(in_order(values))

    return read


def _flat(record: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, int | None]]:
    """The fields of a record and of the records in it, each with its kind."""
    for field in record["fields"]:
        path, type_ = prefix + field["name"], field["type"]
        if isinstance(type_, dict) and type_["type"] == "record":
            yield from _flat(type_, f"{path}.")
        else:
            yield path, _kind(type_)


def _kind(type_: Any) -> int | None:
    if isinstance(type_, dict) and isinstance(type_.get("items"), dict):
        return AGENTS if dict(_flat(type_["items"])) == AGENT else None
    return KINDS.get(json.dumps(type_, sort_keys=True))


def _is_repeated(path: str) -> bool:
    return path in REPEATED or path.startswith("head.producer.")


def _repeated(value: bytes, at: int, kinds: tuple[int, ...]) -> tuple[Sequence[Any], int]:
    """As field_values, of fields that were probably read before: only their end must be found."""
    end = fields_end(value, at, kinds)
    if end - at > LONGEST_RUN:
        return field_values(value, at, kinds)
    return _values_of_run(value[at:end], kinds), end


@lru_cache(maxsize=4096)
def _values_of_run(run: bytes, kinds: tuple[int, ...]) -> tuple[Any, ...]:
    values, end = field_values(run, 0, kinds)
    if end != len(run):
        raise ValueError("the fields end elsewhere")
    return tuple(values)


def fields_end(value: bytes, at: int, kinds: Sequence[int]) -> int:
    """Where fields end, if their bytes are intact. Raises ValueError, IndexError."""
    for kind in kinds:
        size = value[at]
        at += 1
        if kind == OPTIONAL_TEXT:
            if size == 0:  # null
                continue
            size = value[at]
            at += 1
        if size & 0x80:
            size, at = number_at(value, at - 1)
        if kind <= OPTIONAL_TEXT:
            at += size >> 1
        elif kind in (TEXTS, AGENTS):
            item = AGENT_KINDS if kind == AGENTS else TEXT_KINDS
            while size:
                for _ in range(size >> 1):
                    at = fields_end(value, at, item)
                size, at = number_at(value, at)
    return at


def field_values(value: bytes, at: int, kinds: Sequence[int]) -> tuple[list[Any], int]:
    """The values of fields that begin at a place, and where they end, which may be behind the end
    of the bytes. Raises ValueError, IndexError, OverflowError."""
    values: list[Any] = []
    for kind in kinds:
        size = value[at]
        at += 1
        if kind == OPTIONAL_TEXT:
            if size == 0:  # null
                values.append(None)
                continue
            if size != 2:
                raise ValueError("neither null nor text")
            size = value[at]
            at += 1
        if size & 0x80:
            size, at = number_at(value, at - 1)
        # Avro writes 2n for n, and 2n - 1 for -n.
        if kind <= OPTIONAL_TEXT:
            if size & 1:
                raise ValueError("a negative length")
            end = at + (size >> 1)
            values.append(value[at:end].decode())
            at = end
        elif kind == TEXTS:
            texts, at = _texts(value, at, size)
            values.append(tuple(texts))
        elif kind == AGENTS:
            agents, at = _items(value, at, size, AGENT_KINDS)
            values.append(tuple(map(AgentFields._make, agents)))
        else:
            number = (size >> 1) ^ -(size & 1)
            values.append(EPOCH + timedelta(microseconds=number) if kind == TIME else number)
    return values, at


def _texts(value: bytes, at: int, count: int) -> tuple[list[str], int]:
    """As _items, of an array of texts, in half of the time."""
    texts: list[str] = []
    while count:
        if count & 1:
            raise ValueError("a block that begins with its length in bytes")
        for _ in range(count >> 1):
            size = value[at]
            at += 1
            if size & 0x80:
                size, at = number_at(value, at - 1)
            if size & 1:
                raise ValueError("a negative length")
            end = at + (size >> 1)
            texts.append(value[at:end].decode())
            at = end
        count, at = number_at(value, at)
    return texts, at


def _items(value: bytes, at: int, count: int, kinds: Sequence[int]) -> tuple[list[list[Any]], int]:
    """The items of an array, of which the count of the first block is read, and where they end."""
    items: list[list[Any]] = []
    while count:
        if count & 1:
            raise ValueError("a block that begins with its length in bytes")
        for _ in range(count >> 1):
            item, at = field_values(value, at, kinds)
            items.append(item)
        count, at = number_at(value, at)
    return items, at


def number_at(value: bytes, at: int) -> tuple[int, int]:
    """A number of any length, as Avro writes it, and where it ends."""
    if (number := value[at]) < 0x80:
        return number, at + 1
    if (more := value[at + 1]) < 0x80:
        return number + (more << 7) - 0x80, at + 2
    number = 0
    for place in range(LONGEST_NUMBER):
        byte = value[at + place]
        number |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return number, at + place + 1
    raise ValueError("a number of more than 63 bits")
