"""A witness that reads the topic of checkpoints, and no file and no table of a line."""

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from infra.files import read_json, write_json
from infra.kafka_access import Brokers
from schemas.catalogue import AUDIT_CHECKPOINTS
from streams.kafka.client import CLIENT
from streams.kafka.messages import headers_of, offset_of
from streams.kafka.partition_reader import PartitionReader, RecordsLost
from streams.sealer.signing import CONTINUATION
from streams.transparency_log.checkpoint import Checkpoint, parse_checkpoint
from streams.transparency_log.continuation import CheckpointChain
from streams.transparency_log.note import BadNote, VerifierKey, parse_verifier_key
from streams.transparency_log.witness import LogRewritten
from streams.verification.witness_folder import Seen, WitnessState

PLACE_FILE = "topic.json"
SECONDS = 30.0
GROUP = "witness"
"""A consumer needs a name; no offsets are committed under it."""


class KeyRequired(ValueError):
    """The topic does not have the key of the log, and this is the first visit."""


@dataclass(frozen=True)
class Place:
    """Where a witness has the last checkpoint from, and the key that signs after it."""

    topic: str
    offset: int
    key: str


def witness_topic(
    brokers: Brokers,
    folder: Path,
    name: str,
    key: str | None = None,
    topic: str = AUDIT_CHECKPOINTS.name,
) -> Seen:
    """Compare the newest checkpoint on a topic with the last one seen, and cosign it.

    `key` is the log's public key as its archive gave it, required at the first visit. Raises
    KeyRequired, NotSigned, BadNote, DamagedFile, OSError, KafkaException, and LogRewritten after
    both checkpoints are kept in the folder."""
    state = WitnessState(folder, name)
    trusted = state.log_key(key)
    if trusted is None:
        raise KeyRequired("the topic does not have the public key of the log")
    reader = CheckpointReader(brokers, topic)
    try:
        newest, place = _newest(reader, state, _place(folder, topic), trusted)
    except LogRewritten as rewritten:
        state.keep_evidence(rewritten)
        raise
    finally:
        reader.close()
    seen = state.keep(newest, trusted)
    write_json(folder / PLACE_FILE, asdict(place))
    return seen


class CheckpointReader:
    """Reads the records of a topic of checkpoints."""

    def __init__(self, brokers: Brokers, topic: str) -> None:
        settings = {"group.id": GROUP, "enable.auto.commit": False, "enable.partition.eof": True}
        self.topic = topic
        self._consumer = Consumer(
            {**CLIENT, **brokers.client, **settings, "auto.offset.reset": "error"}
        )

    def read(self, start: int) -> Iterator[Message]:
        """The records from an offset to the present end. Raises KafkaException."""
        place = TopicPartition(self.topic, 0)
        low, end = self._consumer.get_watermark_offsets(place, timeout=SECONDS)
        partition = PartitionReader(self._consumer, self.topic, min(max(low, start), end))
        deadline = time.monotonic() + SECONDS
        while not partition.is_at(end):
            try:
                messages = partition.read()
            except RecordsLost as lost:
                raise KafkaException(
                    KafkaError(KafkaError.OFFSET_OUT_OF_RANGE, str(lost))
                ) from None
            if messages:
                deadline = time.monotonic() + SECONDS
            elif time.monotonic() > deadline:
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
            yield from messages

    def close(self) -> None:
        """Disconnect."""
        self._consumer.close()


def _newest(
    reader: CheckpointReader, state: WitnessState, place: Place | None, trusted: VerifierKey
) -> tuple[Checkpoint, Place]:
    """The newest checkpoint, and where it is. Raises LogRewritten, NotSigned, KafkaException."""
    messages = reader.read(place.offset if place else 0)
    key = parse_verifier_key(place.key) if place else trusted
    first = next(messages, None)
    if place and (first is None or not _is_held(first, place, state)):
        # The topic was made again, or the last visit was to a folder.
        return _newest(reader, state, None, trusted)
    follows = CheckpointChain(state.held, key)
    for message in chain([first] if first else [], messages):
        before = follows.key
        proofs = headers_of(message).get(CONTINUATION, b"")
        if follows.take(message.value() or b"", proofs):
            place = Place(reader.topic, offset_of(message), str(before))
    newest = follows.newest()
    assert place is not None
    return newest, place


def _is_held(message: Message, place: Place, state: WitnessState) -> bool:
    with suppress(BadNote):
        found = parse_checkpoint(message.value() or b"")
        held = state.held
        is_there = message.offset() == place.offset
        return is_there and held is not None and found.text == held.text
    return False


def _place(folder: Path, topic: str) -> Place | None:
    with suppress(TypeError, ValueError):
        place = Place(**read_json(folder / PLACE_FILE))
        return place if place.topic == topic else None
    return None
