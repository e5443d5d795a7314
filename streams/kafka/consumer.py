"""Reads the inputs of one step: bounded, paused when full, and committed only up to the first
unfinished message."""

import logging
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from infra.kafka_access import Brokers
from infra.topics import Partition
from streams.kafka.client import CLIENT, librdkafka
from streams.kafka.messages import Incoming, incoming_of
from streams.kafka.offset_tracker import OffsetTracker
from streams.kafka.stalled_partitions import IdleTimer
from streams.runtime.fatal_errors import end_process

log = logging.getLogger(__name__)

COMMIT_EVERY_SECONDS = 1.0
REQUEST_SECONDS = 5.0
CONSUMER_SETTINGS: dict[str, object] = {
    **CLIENT,
    "enable.auto.commit": False,
    # Offsets are provisioned: a missing one is a fault, not a reason to skip or to start again.
    "auto.offset.reset": "error",
    "max.poll.interval.ms": 300000,
    # A step reads its work and what is done again. "cooperative-sticky" gives all of one topic to
    # one machine and all of the other to the next, so that one of them has nothing to do.
    "partition.assignment.strategy": "range",
    "queued.max.messages.kbytes": 16384,
}
# Without an offset nothing can be read; a fatal error means that a newer process has the same name.
FATAL_CODES = (KafkaError._AUTO_OFFSET_RESET, KafkaError._FATAL)


@dataclass
class PartitionState:
    """An assigned partition. After a revoke the state is dropped and never used again."""

    assigned: bool = True
    offsets: OffsetTracker = field(default_factory=OffsetTracker)
    committed: int | None = None
    next: int | None = None
    """Offset of the next message; None while it is not known."""


@dataclass(frozen=True)
class Delivery:
    """One message, and the calls with which its receiver reports on it."""

    message: Incoming
    begin: Callable[[], bool]
    """Call before work: False when the message now belongs to another process."""
    still_ours: Callable[[], bool]
    """Whether its partition is still assigned to this process."""
    ack: Callable[[], None]
    """Call when work is finished, and only then."""
    requeue: Callable[[], None]
    """Call when work has begun and is left to a later process."""


Submit = Callable[[Delivery], None]


class StepConsumer:
    """One member of the consumer group of one step, with its own thread."""

    def __init__(
        self,
        brokers: Brokers,
        group: str,
        instance: str,
        topics: list[str],
        limit: int,
        submit: Submit,
        session_timeout_seconds: float = 45,
    ) -> None:
        """At most `limit` messages are in work; each one goes to `submit`."""
        self._consumer = Consumer(
            {
                **brokers.client,
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
        self._is_rebalancing = False
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self.polled_at = time.monotonic()
        """When its loop last ran, on the clock of `time.monotonic`."""
        self._idle = IdleTimer()
        self.assigned = threading.Event()
        self._thread = threading.Thread(target=self._run, name=group, daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def request_stop(self) -> None:
        """Accept no more messages; returns at once."""
        self._stopping.set()

    def stop(self) -> None:
        """Accept no more messages, wait for those in work, commit, leave the group."""
        self.request_stop()
        self._thread.join()

    def in_work(self) -> int:
        """The number of messages that are neither finished nor left to a later process."""
        with self._lock:
            return sum(len(state.offsets) for state in self._partitions.values())

    def idle_offsets(self) -> dict[Partition, int] | None:
        """The next offset wanted of each partition; None unless the consumer waits for messages."""
        if not self._idle:
            return None
        with self._lock:
            partitions = self._partitions.items()
            return {at: state.next for at, state in partitions if state.next is not None}

    def _run(self) -> None:
        try:
            self._loop()
        except Exception as error:
            log.exception("consumer failed", extra={"topics": self._topics})
            end_process("the consumer cannot continue", topics=self._topics, error=str(error))

    def _loop(self) -> None:
        self._consumer.subscribe(
            self._topics,
            on_assign=self._on_assign,
            on_revoke=self._on_revoke,
            on_lost=self._on_lost,
        )
        next_commit = 0.0
        while not (self._stopping.is_set() and not self.in_work()):
            self.polled_at = time.monotonic()
            self._pause_or_resume()
            message = self._consumer.poll(0.05)
            self._idle.polled(waits=message is None and not self._paused)
            if message is not None:
                self._accept(message)
            if time.monotonic() >= next_commit:
                self._commit(asynchronous=True)
                next_commit = time.monotonic() + COMMIT_EVERY_SECONDS
        self._commit(asynchronous=False)
        self._consumer.close()

    def _pause_or_resume(self) -> None:
        """Pause at the limit and resume below half of it, since a resume costs a fetch. A paused
        consumer still polls and stays a member of its group."""
        in_work = self.in_work()
        full = in_work > self._limit // 2 if self._paused else in_work >= self._limit
        full = full or self._stopping.is_set()
        if full != self._paused and not self._is_rebalancing:
            self._paused = full
            with self._lock:
                partitions = [TopicPartition(*at) for at in self._partitions]
            (self._consumer.pause if full else self._consumer.resume)(partitions)

    def _accept(self, message: Message) -> None:
        error = message.error()
        if error is not None:
            if error.code() in FATAL_CODES:
                raise KafkaException(error)
            log.warning("consumer error", extra={"error": str(error)})
            return
        incoming = incoming_of(message)
        state = self._partitions.get((incoming.topic, incoming.partition))
        if state is None:
            return
        with self._lock:
            state.offsets.track(incoming.offset)
            state.next = incoming.offset + 1
        self._submit(self._delivery(incoming, state))

    def _delivery(self, incoming: Incoming, state: PartitionState) -> Delivery:
        def begin() -> bool:
            with self._lock:
                allowed = state.assigned and not self._stopping.is_set()
                if not allowed:
                    state.offsets.release(incoming.offset)
                return allowed

        def ack() -> None:
            with self._lock:
                state.offsets.finish(incoming.offset)

        def requeue() -> None:
            with self._lock:
                state.offsets.release(incoming.offset)

        return Delivery(incoming, begin, lambda: state.assigned, ack, requeue)

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

    def _on_commit(self, error: KafkaError | None, partitions: list[TopicPartition]) -> None:
        """Record which offset the broker has now, so that the current one is committed again.

        The broker may refuse a commit, or receive an older one that was sent again after an outage.
        No work would be lost, since receipts answer a redelivery, but it would look unfinished."""
        for at in partitions:
            refused = error or at.error
            if refused is not None:
                log.warning("commit refused", extra={"error": str(refused)})
            with self._lock:
                state = self._partitions.get((at.topic, at.partition))
                if state is not None:
                    state.committed = at.offset if refused is None else None

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Read these partitions from now on; those that this process had before go on."""
        with self._lock:
            given = {(one.topic, one.partition) for one in partitions}
            self._drop(self._partitions.keys() - given)
            new = [one for one in partitions if (one.topic, one.partition) not in self._partitions]
        starts = self._committed_offsets(new) if new else {}
        with self._lock:
            for one in partitions:
                at = (one.topic, one.partition)
                state = self._partitions.setdefault(at, PartitionState(next=starts.get(at)))
                if len(state.offsets) and state.next is not None:
                    one.offset = state.next  # what is before it is in work or finished here
        consumer.assign(partitions)
        self._is_rebalancing = False
        if self._paused:
            consumer.pause(partitions)
        self.assigned.set()

    def _committed_offsets(self, partitions: list[TopicPartition]) -> dict[Partition, int]:
        """Where each partition is read from; empty when the broker does not answer in time."""
        try:
            found = self._consumer.committed(partitions, timeout=REQUEST_SECONDS)
        except KafkaException:
            return {}
        return {(one.topic, one.partition): one.offset for one in found if one.offset >= 0}

    def _on_revoke(self, consumer: Consumer, _: list[TopicPartition]) -> None:
        """All partitions go back before each is given to a member again, most of them to the same
        one. So the work in them goes on, and it is dropped if another member gets them."""
        self._commit(asynchronous=False)
        self._is_rebalancing = True
        consumer.unassign()

    def _on_lost(self, consumer: Consumer, _: list[TopicPartition]) -> None:
        """Other members may work on these partitions by now."""
        with self._lock:
            self._drop(list(self._partitions))
        self._is_rebalancing = True
        consumer.unassign()

    def _drop(self, places: Collection[Partition]) -> None:
        for at in places:
            self._partitions.pop(at).assigned = False
