"""Messages as the tracker reads them: decoded, or quarantined because of what they cause."""

import logging
import re
from collections.abc import Sequence
from dataclasses import replace

import psycopg

from processors.outcome import ObjectUnusable, StorageError
from processors.pipeline import TRACKER
from schemas import ids
from schemas.catalogue import MODELS, topic_of
from schemas.codec import Undecodable, decode
from schemas.models import UNSTAMPED, Fact
from streams.execution.facts import utc_now
from streams.kafka.messages import Incoming
from streams.topology import RELEASED
from streams.tracker.operator_check import without_refused_captures
from streams.tracker.quarantine_records import refuse_undecodable
from streams.tracker.unit_of_work import StoredFact, UnitOfWork

log = logging.getLogger(__name__)

RECORD_ON: dict[str, type[Fact]] = {topic_of(model.__name__).name: model for model in MODELS}
NUMBER = re.compile(r"[0-9]{1,19}\Z")
LARGEST_PARTITION, LARGEST_OFFSET = 2**31 - 1, 2**63 - 1
LIMIT_EXCEEDED = "54"
"""First characters of the SQLSTATEs of a value that is too large for an index or a statement
(PostgreSQL, appendix A)."""


def caused_by_input(failure: Exception) -> bool:
    """Whether the messages of a unit of work made it fail. The database, the store, the disk or the
    memory of this machine would fail for other messages as well."""
    if isinstance(failure, psycopg.Error):
        of_values = isinstance(failure, psycopg.DataError | psycopg.IntegrityError)
        return of_values or (failure.sqlstate or "").startswith(LIMIT_EXCEEDED)
    if isinstance(failure, StorageError):
        return isinstance(failure, ObjectUnusable)
    return not isinstance(failure, OSError | MemoryError)


def place_of(message: Incoming) -> dict[str, object]:
    """Where a message is, for the log."""
    return {"topic": message.topic, "partition": message.partition, "offset": message.offset}


def decode_all(unit: UnitOfWork, messages: Sequence[Incoming]) -> list[StoredFact]:
    """The facts of these messages. A message that cannot be decoded is quarantined, and so is a
    capture whose operator may not be named."""
    read = []
    for message in messages:
        if message.topic == RELEASED and message.header("step") != TRACKER:
            continue  # for the router
        original = _at_original_position(message)
        try:
            fact = decode(message.value, _record_on(original.topic))
        except Undecodable as failure:
            quarantine_message(unit, message, str(failure))
            continue
        place = (original.partition, original.offset)
        read.append((message, StoredFact(fact, message.value or b"", *place)))
    return without_refused_captures(unit, read)


def _record_on(topic: str) -> type[Fact]:
    """The record of a topic. Raises Undecodable for a topic without one."""
    if topic not in RECORD_ON:
        raise Undecodable(f"its headers name no original position on a topic of facts: {topic}")
    return RECORD_ON[topic]


def _at_original_position(message: Incoming) -> Incoming:
    """A message at its original position, which the headers of a released message name."""
    topic = message.header("topic")
    if message.topic != RELEASED or topic not in RECORD_ON:
        return message
    position = [message.header(name) or "" for name in ("partition", "offset")]
    if not all(map(NUMBER.match, position)):
        return message
    partition, offset = map(int, position)
    if partition > LARGEST_PARTITION or offset > LARGEST_OFFSET:
        return message
    return replace(message, topic=topic, partition=partition, offset=offset)


def quarantine_message(unit: UnitOfWork, message: Incoming, why: str) -> None:
    position = (message.topic, message.partition, message.offset)
    log.warning("message quarantined", extra=place_of(message))
    # The id comes from this delivery: released bytes that fail again get a record of their own.
    event_id = ids.undecodable_id(*position, message.value)
    origin = _at_original_position(message).origin(event_id)
    like = UNSTAMPED.model_copy(update={"revision": 1, "occurred_at": utc_now()})
    refuse_undecodable(unit, origin, message.value or b"", why, like)
