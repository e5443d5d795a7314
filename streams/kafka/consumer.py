"""Reads the inputs of one step: bounded, paused when full, only the finished prefix committed."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from streams.kafka.client import CLIENT, Partition, librdkafka
from streams.kafka.messages import Incoming, incoming_of
from streams.kafka.offset_tracker import OffsetTracker
from streams.kafka.stalled_partitions import IdleTimer
from streams.runtime.fatal_errors import end_process

log = logging.getLogger(__name__)

COMMIT_EVERY_SECONDS = 0.5
ANSWER_SECONDS = 5.0
CONSUMER_SETTINGS: dict[str, object] = {
    **CLIENT,
    "enable.auto.commit": False,
    # Offsets are provisioned: a missing one is a fault, not a reason to skip or to start again.
    "auto.offset.reset": "error",
    "max.poll.interval.ms": 300000,
    "partition.assignment.strategy": "cooperative-sticky",
    "queued.max.messages.kbytes": 16384,
}
# Without an offset nothing can be read; a fatal error is a successor under the same name.
ENDING = (KafkaError._AUTO_OFFSET_RESET, KafkaError._FATAL)


@dataclass
class PartitionState:
    """A partition while it is ours. After a revoke it is dropped, never used again."""

    ours: bool = True
    offsets: OffsetTracker = field(default_factory=OffsetTracker)
    committed: int | None = None
    next: int | None = None
    """Offset of the message to come; None while that is not known."""


@dataclass(frozen=True)
class Delivery:
    """One message that was handed on, and what its taker must tell."""

    message: Incoming
    begin: Callable[[], bool]
    """To be called before work: False when it is another process's by now, and not to be done."""
    still_ours: Callable[[], bool]
    ack: Callable[[], None]
    """To be called when it is worked off, and only then."""
    requeue: Callable[[], None]
    """To be called when it was begun and is left for a later process."""


Submit = Callable[[Delivery], None]


class StepConsumer:
    """One consumer group member for one step, with a thread of its own."""

    def __init__(
        self,
        brokers: str,
        group: str,
        instance: str,
        topics: list[str],
        limit: int,
        submit: Submit,
        session_timeout_seconds: float = 45,
    ) -> None:
        self._consumer = Consumer(
            {
                "bootstrap.servers": brokers,
                "group.id": group,
                "group.instance.id": f"{group}.{instance}",
                "on_commit": self._on_commit,
                "session.timeout.ms": round(1000 * session_timeout_seconds),
                **CONSUMER_SETTINGS,
            },
            logger=librdkafka,
        )
        self._topics, self._limit, self._submit = topics, limit, submit
        self._partitions: dict[Partition, PartitionState] = {}
        self._paused = False
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self.looped_at = time.monotonic()
        """When its loop last turned, on the clock of `time.monotonic`."""
        self._idle = IdleTimer()
        self.assigned = threading.Event()
        self._thread = threading.Thread(target=self._guarded, name=group, daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def ask_to_stop(self) -> None:
        """Take no more; returns at once."""
        self._stopping.set()

    def stop(self) -> None:
        """Take no more, wait for what is in work, commit, leave the group."""
        self.ask_to_stop()
        self._thread.join()

    def _guarded(self) -> None:
        try:
            self._loop()
        except Exception:
            log.exception("a source failed", extra={"topics": self._topics})
            end_process("a source cannot go on; nothing unfinished was committed")

    def _loop(self) -> None:
        self._consumer.subscribe(
            self._topics,
            on_assign=self._on_assign,
            on_revoke=self._on_revoke,
            on_lost=self._on_revoke,
        )
        next_commit = 0.0
        while not (self._stopping.is_set() and not self._in_work()):
            self.looped_at = time.monotonic()
            self._balance()
            message = self._consumer.poll(0.05)
            self._idle.polled(waits=message is None and not self._paused)
            if message is not None:
                self._take(message)
            if time.monotonic() >= next_commit:
                self._commit(asynchronous=True)
                next_commit = time.monotonic() + COMMIT_EVERY_SECONDS
        self._commit(asynchronous=False)
        self._consumer.close()

    def idle_offsets(self) -> dict[Partition, int] | None:
        """The next offset wanted of each partition; None unless it has waited for a while."""
        if not self._idle:
            return None
        with self._lock:
            partitions = self._partitions.items()
            return {place: state.next for place, state in partitions if state.next is not None}

    def _in_work(self) -> int:
        with self._lock:
            return sum(len(state.offsets) for state in self._partitions.values())

    def _balance(self) -> None:
        """Pause when full, resume when half of it is done; paused, it still polls and stays a
        member. Not sooner: to resume costs a fetch."""
        taken = self._in_work()
        full = taken > self._limit // 2 if self._paused else taken >= self._limit
        full = full or self._stopping.is_set()
        if full != self._paused:
            self._paused = full
            with self._lock:
                places = [TopicPartition(*place) for place in self._partitions]
            (self._consumer.pause if full else self._consumer.resume)(places)

    def _take(self, message: Message) -> None:
        error = message.error()
        if error is not None:
            if error.code() in ENDING:
                raise KafkaException(error)
            log.warning("consumer: %s", error)
            return
        incoming = incoming_of(message)
        state = self._partitions.get((incoming.topic, incoming.partition))
        if state is None:
            return
        with self._lock:
            state.offsets.track(incoming.offset)
            state.next = incoming.offset + 1
        self._submit(self._ticket(incoming, state))

    def _ticket(self, incoming: Incoming, state: PartitionState) -> Delivery:
        def begin() -> bool:
            with self._lock:
                goes = state.ours and not self._stopping.is_set()
                if not goes:
                    state.offsets.release(incoming.offset)
                return goes

        def ack() -> None:
            with self._lock:
                state.offsets.finish(incoming.offset)

        def requeue() -> None:
            with self._lock:
                state.offsets.release(incoming.offset)

        return Delivery(incoming, begin, lambda: state.ours, ack, requeue)

    def _commit(self, *, asynchronous: bool) -> None:
        with self._lock:
            ready = []
            for (topic, partition), state in self._partitions.items():
                offset = state.offsets.safe_offset()
                if offset is not None and offset != state.committed:
                    state.committed = offset
                    ready.append(TopicPartition(topic, partition, offset))
        if ready:
            try:
                if asynchronous:
                    self._consumer.commit(offsets=ready, asynchronous=True)
                else:
                    self._consumer.commit(offsets=ready, asynchronous=False)
            except KafkaException as refused:
                self._on_commit(refused.args[0], ready)

    def _on_commit(self, error: KafkaError | None, places: list[TopicPartition]) -> None:
        """Note what stands now. What was refused, or overtaken by an older commit that was sent
        again after an outage, is committed again. It would not be lost, only told again from its
        receipt; but it would look unfinished."""
        for place in places:
            refused = error or place.error
            if refused is not None:
                log.warning("commit refused", extra={"error": str(refused)})
            with self._lock:
                state = self._partitions.get((place.topic, place.partition))
                if state is not None:
                    state.committed = place.offset if refused is None else None

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        starts = self._committed(partitions)
        with self._lock:
            for place in partitions:
                at = (place.topic, place.partition)
                self._partitions[at] = PartitionState(next=starts.get(at))
        consumer.incremental_assign(partitions)
        if self._paused:
            consumer.pause(partitions)  # as the others are, with which they are resumed
        self.assigned.set()

    def _committed(self, partitions: list[TopicPartition]) -> dict[Partition, int]:
        """Where each is to be read from; nothing where the broker does not tell it soon."""
        try:
            found = self._consumer.committed(partitions, timeout=ANSWER_SECONDS)
        except KafkaException:
            return {}
        return {(one.topic, one.partition): one.offset for one in found if one.offset >= 0}

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._commit(asynchronous=False)
        with self._lock:
            for place in partitions:
                state = self._partitions.pop((place.topic, place.partition), None)
                if state is not None:
                    state.ours = False
        consumer.incremental_unassign(partitions)


def _bytes(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value
