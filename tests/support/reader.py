"""Reads all topics of a line as raw bytes and decodes them; stands alone, imports nothing of the line."""

import json
import struct
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from io import BytesIO
from operator import methodcaller
from pathlib import Path
from typing import Any, Protocol

import fastavro
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

REGISTERED = Path(__file__).resolve().parents[2] / "schemas" / "registered"
PREFIX = struct.Struct(">bI")
LINE = "digitization."
INTAKE = "digitization.audit.intake.v1"
PREMIS = "digitization.audit.premis.v1"
FACTS_THAT_OWE = (
    "digitization.batch.received.v1",
    "digitization.capture.accepted.v1",
    "digitization.receipt.accepted.v1",
    "digitization.batch.accepted.v1",
    "digitization.item.registered.v1",
    "digitization.page.admitted.v1",
    "digitization.page.acquired.v1",
    "digitization.page.derived.v1",
    "digitization.page.recognized.v1",
    "digitization.page.described.v1",
    "digitization.page.enriched.v1",
    "digitization.item.completed.v1",
    "digitization.package.published.v1",
    "digitization.batch.settled.v1",
    "digitization.work.deferred.v1",
    "digitization.work.quarantined.v1",
    "digitization.control.decided.v1",
    "digitization.fixity.checked.v1",
    "digitization.page.analyzed.v1",
    "digitization.object.restored.v1",
)
"""All topics whose facts owe events, written a second time as a check; a new step's topic is entered
here too."""

QUIET_SECONDS = 30


@dataclass(frozen=True)
class Raw:
    """One message as the broker keeps it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()
    timestamp: int = field(default=0, compare=False)
    """When its writer made it, in ms."""

    @property
    def place(self) -> str:
        """Where it stands, for people."""
        return f"{self.topic}[{self.partition}]@{self.offset}"


@dataclass(frozen=True)
class Fact:
    """A decoded message."""

    record: str
    body: dict[str, Any]
    raw: Raw

    @property
    def event_id(self) -> str:
        """Its id."""
        return str(self.body["head"]["event_id"])


class Cluster(Protocol):
    """Where a cluster is, and as whom to read it."""

    @property
    def client(self) -> dict[str, Any]:
        """Settings of a librdkafka client."""
        ...


class NotAFact(ValueError):
    """Bytes that are none of the registered records."""


def read_line(brokers: Cluster) -> list[Raw]:
    """Every committed message of every topic of the line."""
    consumer = Consumer({**brokers.client, "group.id": "stand-alone-reader"})
    known = consumer.list_topics(timeout=20).topics
    consumer.close()
    return read_all(brokers, [name for name in known if name.startswith(LINE)])


def read_all(brokers: Cluster, topics: Iterable[str]) -> list[Raw]:
    """Every committed message of some topics, in the order of each partition."""
    consumer = Consumer(
        {
            **brokers.client,
            "group.id": "stand-alone-reader",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 50,
        }
    )
    try:
        known = consumer.list_topics(timeout=20).topics
        places = [TopicPartition(name, at, 0) for name in topics for at in known[name].partitions]
        consumer.assign(places)
        return _until_all_ends(consumer, len(places))
    finally:
        consumer.close()


def _until_all_ends(consumer: Consumer, partitions: int) -> list[Raw]:
    found: list[Raw] = []
    ended: set[tuple[str | None, int | None]] = set()
    deadline = time.monotonic() + QUIET_SECONDS
    while len(ended) < partitions:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{partitions - len(ended)} partitions did not come to their end")
        # A call returns when it has as many as asked for or its time is over.
        for message in consumer.consume(500, timeout=0.1):
            error = message.error()
            if error is None:
                found.append(_raw(message))
                deadline = time.monotonic() + QUIET_SECONDS
            elif error.code() == KafkaError._PARTITION_EOF:
                ended.add((message.topic(), message.partition()))
            else:
                raise KafkaException(error)
    return sorted(found, key=lambda raw: (raw.topic, raw.partition, raw.offset))


def _raw(message: Any) -> Raw:
    try:
        # A plain call may leave the error of the library below unseen until later.
        headers = tuple(methodcaller("headers")(message) or ())
    except SystemError:  # a name that is no UTF-8
        headers = ()
    where = (message.topic(), message.partition(), message.offset())
    return Raw(*where, message.key(), message.value(), headers, message.timestamp()[1])


@cache
def schema_text(schema_id: int) -> bytes:
    """A registered schema, byte for byte as kept. Raises NotAFact."""
    for path in REGISTERED.glob(f"{schema_id:04d}.*.avsc"):
        return path.read_bytes()
    raise NotAFact(f"schema id {schema_id} is not registered")


@cache
def schema_digest(schema_id: int) -> bytes:
    """SHA-256 of a registered schema, 32 raw bytes."""
    return sha256(schema_text(schema_id)).digest()


@cache
def _schema(schema_id: int) -> tuple[str, Any]:
    schema = json.loads(schema_text(schema_id))
    return str(schema["name"]), fastavro.parse_schema(schema, named_schemas={})


def schema_id_of(value: bytes | None) -> int:
    """The schema id that a value names. Raises NotAFact."""
    if value is None or len(value) < PREFIX.size or value[0] != 0:
        raise NotAFact("not in the wire format")
    return int(PREFIX.unpack_from(value)[1])


def decoded(raw: Raw) -> Fact:
    """The fact in a message. Raises NotAFact."""
    schema_id = schema_id_of(raw.value)
    record, schema = _schema(schema_id)
    assert raw.value is not None
    body = BytesIO(raw.value[PREFIX.size :])
    try:
        plain = fastavro.schemaless_reader(body, schema, None)
    except Exception as wrong:  # fastavro raises whatever the bytes provoke
        raise NotAFact(f"{raw.place}: {type(wrong).__name__}: {wrong}") from wrong
    if body.read(1):
        raise NotAFact(f"{raw.place}: bytes are left over")
    if not isinstance(plain, dict):
        raise NotAFact(f"{raw.place}: {record} is no record")
    return Fact(record, plain, raw)


def encoded(body: dict[str, Any], schema_id: int) -> bytes:
    """A record as bytes on the wire."""
    out = BytesIO()
    out.write(PREFIX.pack(0, schema_id))
    fastavro.schemaless_writer(out, _schema(schema_id)[1], body)
    return out.getvalue()


def facts_of(raws: Iterable[Raw], topics: Iterable[str] = FACTS_THAT_OWE) -> dict[str, Fact]:
    """The facts on some topics by event id, the first of each. Raises NotAFact."""
    wanted = set(topics)
    found: dict[str, Fact] = {}
    for raw in raws:
        if raw.topic in wanted:
            fact = decoded(raw)
            found.setdefault(fact.event_id, fact)
    return found
