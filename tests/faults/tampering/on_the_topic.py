"""What an administrator of the broker does to the sealed topic, and who reaches its segments."""

from collections.abc import Callable

from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition

from infra.topics import admin, provision
from schemas.catalogue import AUDIT_INTAKE, AUDIT_PREMIS
from schemas.codec import MAGIC, PREFIX, encode
from schemas.store import schema_store
from streams.audit.sealed_record import Seal, SealedRecord, headers_of
from streams.sealer.clients import SealerTopics
from tests.faults.tampering.kinds import Tampering
from tests.faults.tampering.victim import Victim, set_configuration
from tests.support.audit_log import an_event, read_committed, until
from tests.support.log_segments import change_record, truncate

BY, BY_DISK = "broker administrator", "who writes to the broker's disk"
PART = "topic"
TOPIC = AUDIT_PREMIS.name
COMPACTED_SECONDS = 90
SEQ_HEADER, TIME_HEADER = b"\x06seq\x10", b"\x12sealed_at\x10"
"""Name and length of a header in a record, as varints of twice the lengths."""


def _some(victim: Victim) -> SealedRecord:
    return victim.events[victim.draw.randrange(20, victim.size - 20)]


def _send(victim: Victim, record: SealedRecord) -> None:
    victim.produce(record.event_id.encode(), record.value, headers_of(record.seal))


def _forged(record: SealedRecord, number: int = 900_001) -> SealedRecord:
    """Another event in the seal of a record."""
    event = an_event(number, "forged")
    return record._replace(event_id=event.head.event_id, value=encode(event))


def _next_seal(victim: Victim, ahead: int = 0) -> Seal:
    last = victim.events[-1].seal
    return last._replace(seq=last.seq + 1 + ahead, sealed_at=last.sealed_at + 1)


def _forge_next(victim: Victim) -> int:
    _send(victim, _forged(victim.events[-1]._replace(seal=_next_seal(victim))))
    return victim.size


def _forge_next_and_move(victim: Victim) -> int:
    """As if a sealer of another home had sealed the next record of the intake."""
    expected = _forge_next(victim)
    member = Consumer({**victim.kafka.client, "group.id": SealerTopics().group})
    place = TopicPartition(AUDIT_INTAKE.name, 0)

    def moved() -> bool:
        try:  # the broker has just started, so that it may not answer yet
            known = member.committed([place], timeout=5)[0].offset
            place.offset = known + 1
            member.commit(offsets=[place], asynchronous=False)
        except KafkaException:
            return False
        return True

    until(moved, 30, lambda: "the offset cannot be moved")
    member.close()
    return expected


def _forge_ahead(victim: Victim) -> int:
    _send(victim, _forged(victim.events[-1]._replace(seal=_next_seal(victim, 5))))
    return victim.size


def _forge_taken(victim: Victim) -> int:
    record = _some(victim)
    _send(victim, _forged(record))
    return record.seal.seq


def _forge_schema(victim: Victim) -> int:
    ids = schema_store().ids("PremisEvent")
    seal = _next_seal(victim)._replace(schema_sha256=schema_store().digest(ids[0]))
    body = victim.events[-1].value[PREFIX.size :]
    _send(victim, SealedRecord(victim.events[-1].event_id, PREFIX.pack(MAGIC, ids[0]) + body, seal))
    return victim.size


def _replay(victim: Victim) -> int:
    record = _some(victim)
    _send(victim, record)
    return record.seal.seq


def _replay_renumbered(victim: Victim) -> int:
    _send(victim, _some(victim)._replace(seal=_next_seal(victim)))
    return victim.size


def _header(**changes: object) -> Callable[[Victim], int]:
    """A record is sent again with other headers."""

    def apply(victim: Victim) -> int:
        record = _some(victim)
        _send(victim, record._replace(seal=record.seal._replace(**changes)))  # type: ignore[arg-type]
        return record.seal.seq

    return apply


def _without_headers(victim: Victim) -> int:
    record = _some(victim)
    victim.produce(record.event_id.encode(), record.value)
    return victim.size


def _tombstone(victim: Victim) -> int:
    victim.produce(_some(victim).event_id.encode(), None)
    return victim.size


def _tombstone_compacted(victim: Victim) -> int:
    record = _some(victim)
    victim.produce(record.event_id.encode(), None)
    compact(victim, record)
    return record.seal.seq


def _replay_compacted(victim: Victim) -> int:
    record = _some(victim)
    _send(victim, record)
    compact(victim, record)
    return record.seal.seq


def _forge_compacted(victim: Victim) -> int:
    record = _some(victim)
    event = record.event.model_copy(update={"detail": "forged"})
    _send(victim, record._replace(value=encode(event)))
    compact(victim, record)
    return record.seal.seq


def compact(victim: Victim, record: SealedRecord) -> None:
    """Let the cleaner remove the first of two records with the key of an event."""
    client = admin(victim.kafka)
    for name, value in {
        "min.compaction.lag.ms": "0",
        "min.cleanable.dirty.ratio": "0",
        "segment.ms": "100",
        "max.compaction.lag.ms": "100",
    }.items():
        set_configuration(client, TOPIC, name, value)
    key = record.event_id.encode()
    end = max(one.offset() or 0 for one in _all(victim) if one.key() == key)

    def first_is_gone() -> bool:
        # Only a closed segment is compacted, and a record of other keys closes it.
        victim.produce(b"closes the segment", b"")
        return not any(record.seal.seq == _seq(one) and _is(one, record) for one in _all(victim))

    def _is(message: Message, one: SealedRecord) -> bool:
        return message.key() == key and (message.offset() or 0) < end

    until(first_is_gone, COMPACTED_SECONDS, lambda: "the topic is not compacted")


def _all(victim: Victim) -> list[Message]:
    return list(read_committed(victim.kafka, TOPIC))


def _seq(message: Message) -> int:
    return int.from_bytes(dict(message.headers() or []).get("seq") or b"", "big")


def _delete_records(share: float) -> Callable[[Victim], int]:
    def apply(victim: Victim) -> int:
        messages = _all(victim)
        place = int(len(messages) * share)
        offset = -1 if place == len(messages) else messages[place].offset() or 0
        client = admin(victim.kafka)
        set_configuration(client, TOPIC, "cleanup.policy", "compact,delete")

        def deleted() -> bool:
            try:
                for future in client.delete_records([TopicPartition(TOPIC, 0, offset)]).values():
                    future.result(30)
            except KafkaException:
                return False  # the policy is not in force yet
            return True

        until(deleted, 30, lambda: "the records are not deleted")
        return 0

    return apply


def _delete_topic(victim: Victim) -> int:
    client = admin(victim.kafka)
    for future in client.delete_topics([TOPIC]).values():
        future.result(30)
    until(
        lambda: TOPIC not in client.list_topics(timeout=10).topics,
        30,
        lambda: "the topic is not deleted",
    )
    return 0


def _empty_topic(victim: Victim) -> int:
    _delete_topic(victim)
    provision(victim.kafka, [AUDIT_PREMIS], {})
    return 0


def restore(victim: Victim) -> None:
    """Replace the topic by one that has exactly the sealed records."""
    if TOPIC in admin(victim.kafka).list_topics(timeout=10).topics:
        _delete_topic(victim)
    provision(victim.kafka, [AUDIT_PREMIS], {})
    producer = Producer({**victim.kafka.client, "enable.idempotence": True})
    for record in victim.events:
        headers = headers_of(record.seal)
        producer.produce(TOPIC, record.value, record.event_id, partition=0, headers=headers)
    assert producer.flush(30) == 0


def _change_on_disk(field: str) -> Callable[[Victim], int]:
    """A record is rewritten in its segment, with the right CRC."""

    def apply(victim: Victim) -> int:
        record = _some(victim)
        old, new = _bytes_of(record, field)
        change_record(victim.home / "kafka" / "data", TOPIC, old, new)
        return record.seal.seq

    return apply


def _bytes_of(record: SealedRecord, field: str) -> tuple[bytes, bytes]:
    """Bytes that only this record has, and others of the same length."""
    if field == "value":
        detail = record.event.detail.encode()
        return record.value, record.value.replace(detail, detail.swapcase())
    seal = record.seal
    moved = seal._replace(**{field: getattr(seal, field) + 1})
    old, new = (
        SEQ_HEADER + one.seq.to_bytes(8, "big") + TIME_HEADER + one.sealed_at.to_bytes(8, "big")
        for one in (seal, moved)
    )
    return old, new


def _cut_segment(victim: Victim) -> int:
    data = victim.home / "kafka" / "data"
    truncate(data, TOPIC, 0.5)
    left = b"".join(path.read_bytes() for path in data.glob(f"{TOPIC}-*/*.log"))
    return left.count(SEQ_HEADER)


TAMPERINGS = [
    Tampering("an event is forged with the next seq", "forge", BY, PART, _forge_next),
    Tampering(
        "an event is forged and the sealer's offset moved", "forge", BY, PART, _forge_next_and_move
    ),
    Tampering("an event is forged with a later seq", "forge", BY, PART, _forge_ahead),
    Tampering("an event is forged with a taken seq", "forge", BY, PART, _forge_taken),
    Tampering("an event is forged with another schema", "forge", BY, PART, _forge_schema),
    Tampering("a record is replayed", "replay", BY, PART, _replay),
    Tampering("a record is replayed with the next seq", "replay", BY, PART, _replay_renumbered),
    Tampering(
        "a record is replayed with another time", "edit", BY, PART, _header(sealed_at=1_770_000_000)
    ),
    Tampering(
        "a record is replayed with another schema digest",
        "edit",
        BY,
        PART,
        _header(schema_sha256=b"\7" * 32),
    ),
    Tampering("a record is replayed without headers", "replay", BY, PART, _without_headers),
    Tampering("a tombstone is written", "tombstone", BY, PART, _tombstone),
    Tampering("a tombstone removes a record", "compact", BY, PART, _tombstone_compacted),
    Tampering("a replayed record replaces the first", "compact", BY, PART, _replay_compacted),
    Tampering("a forged record replaces the first", "compact", BY, PART, _forge_compacted),
    Tampering("the first records are deleted", "delete records", BY, PART, _delete_records(0.3)),
    Tampering("all records are deleted", "delete records", BY, PART, _delete_records(1.0)),
    Tampering("the topic is deleted", "delete", BY, PART, _delete_topic),
    Tampering("the topic is replaced by an empty one", "truncate", BY, PART, _empty_topic),
    Tampering("a value is rewritten", "edit", BY_DISK, PART, _change_on_disk("value"), True),
    Tampering("a seq is rewritten", "edit", BY_DISK, PART, _change_on_disk("seq"), True),
    Tampering("a time is rewritten", "edit", BY_DISK, PART, _change_on_disk("sealed_at"), True),
    Tampering("the end of the segment is cut", "truncate", BY_DISK, PART, _cut_segment, True),
]
