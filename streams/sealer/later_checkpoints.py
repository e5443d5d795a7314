"""Finds out whether a home is older than its log, by the checkpoints that its key has signed.

A home that was restored from a backup looks intact: log, checkpoints and key agree. What was signed
since is on the topic of checkpoints, where nobody can forge it."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from streams.kafka.partition_reader import PartitionReader, RecordsLost
from streams.runtime.run_loop import CannotContinue, ShutdownRequested
from streams.sealer.recovery import UNKNOWN, UNKNOWN_SECONDS, LogsDisagree
from streams.transparency_log.checkpoint import Checkpoint, parse_checkpoint
from streams.transparency_log.log_keys import read_public_keys
from streams.transparency_log.log_store import LogStore
from streams.transparency_log.note import BadNote, VerifierKey

log = logging.getLogger(__name__)

WINDOW = 64
"""So many of the newest records are read first: usually the home has one of them."""
GROWTH = 8
OLDER = (
    "this home is older than its log: the topic {topic} has a checkpoint of {size} events, signed"
    " by the key in run/sealer.key, {why}. Nothing is sealed. Stop the line, restore audit and"
    " run/sealer.key from a newer backup, and start it again. Without one, see docs/audit.md,"
    " Restore from a backup"
)


class HomeIsOlder(LogsDisagree):
    """The log goes on behind what this home has of it."""


class LaterCheckpoints:
    """The newest checkpoints on the topic, compared with those of the home."""

    def __init__(
        self, open_topic: Callable[[], Consumer], topic: str, stopping: threading.Event
    ) -> None:
        self._open_topic, self._topic, self._stopping = open_topic, topic, stopping

    def check(self, store: LogStore, newest: Checkpoint | None) -> None:
        """Raises HomeIsOlder if the key of this home signed what the home does not have, or named
        the key after it; CannotContinue, ShutdownRequested."""
        keys = [one.key for one in read_public_keys(store.folder)]
        size = newest.size if newest else 0
        with closing(self._open_topic()) as consumer:
            for found in self._since(consumer, size, keys):
                if keys[-1].signed(found.note) and (why := _missing(found, store, keys)):
                    raise HomeIsOlder(OLDER.format(topic=self._topic, size=found.size, why=why))

    def _since(self, consumer: Consumer, size: int, keys: list[VerifierKey]) -> list[Checkpoint]:
        """The checkpoints of this log from the last one of this size, or a smaller one, on."""
        low, end = self._bounds(consumer)
        window = WINDOW
        while True:
            start = max(low, end - window)
            found = [
                one
                for one in self._read(consumer, start, end)
                if any(key.signed(one.note) for key in keys)
            ]
            if start == low or any(one.size <= size for one in found):
                return [one for one in found if one.size >= size]
            window *= GROWTH

    def _read(self, consumer: Consumer, start: int, end: int) -> Iterator[Checkpoint]:
        reader = PartitionReader(consumer, self._topic, start)
        while not reader.is_at(end):
            if self._stopping.is_set():
                raise ShutdownRequested
            try:
                messages = reader.read()
            except RecordsLost:
                return  # an administrator has just removed them
            for message in messages:
                # Others may have written what is not a checkpoint.
                with suppress(BadNote):
                    yield parse_checkpoint(message.value() or b"")

    def _bounds(self, consumer: Consumer) -> tuple[int, int]:
        given_up = time.monotonic() + UNKNOWN_SECONDS
        while not self._stopping.is_set():
            try:
                low, end = consumer.get_watermark_offsets(TopicPartition(self._topic, 0), timeout=5)
                return int(low), int(end)
            except KafkaException as failure:
                error = failure.args[0]
                log.warning("consumer error", extra={"error": str(error)})
                if error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
                    raise CannotContinue(
                        f"the sealer may not read the topic {self._topic}; grant it as in"
                        " docs/security-matrix.md"
                    ) from None
                if error.code() in UNKNOWN and time.monotonic() > given_up:
                    return 0, 0
                time.sleep(0.5)
        raise ShutdownRequested


def _missing(found: Checkpoint, store: LogStore, keys: list[VerifierKey]) -> str:
    """What the home does not have of a checkpoint that its key signed; empty if it has all."""
    following = found.next_key
    if following is not None and following not in keys:
        return f"which names {following} as the next key, so that this key is retired"
    if store.size < found.size:
        return f"and audit/log and the topic of the events end at {store.size}"
    if store.root(found.size) != found.root:
        return "and audit/log has other events"
    return ""
