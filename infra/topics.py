"""Creates the topics of the catalogue, and sets the offset at which each group starts."""

import logging
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

from infra.kafka import QUIET
from infra.kafka_access import Brokers
from schemas.catalogue import Topic

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 60
ANSWER_SECONDS = 5
FETCH_SECONDS = 10.0
T = TypeVar("T")
Partition = tuple[str, int]
"""Topic name and partition number."""


class WrongPartitions(Exception):
    """A topic does not have the number of partitions in the catalogue."""


class UnknownTopic(KeyError):
    """The broker that answered knows no topic of this name."""

    def __str__(self) -> str:
        """The name in words: a KeyError shows nothing else."""
        return f"the brokers know no topic {self.args[0]}"


class Admin(AdminClient):
    """An administration client; keep a reference to it while its calls run."""

    def __init__(self, brokers: Brokers) -> None:
        """A client of these brokers."""
        super().__init__(QUIET | brokers.client | {"reconnect.backoff.max.ms": 500})
        self.brokers = brokers


def admin(brokers: Brokers) -> Admin:
    """An administration client for these brokers."""
    return Admin(brokers)


def provision(
    brokers: Brokers,
    topics: Iterable[Topic],
    groups: Mapping[str, Collection[str]],
    *,
    fresh: bool = True,
    backfill: Collection[str] = (),
) -> None:
    """Create or update topics, and commit the start offsets of groups without offsets.

    Such a group starts at the beginning of a new line or of a new topic, and at the end of the
    topics of an existing line unless `backfill` names it. Committed offsets never change, except
    those beyond the end of a partition that lost records: they become its end.
    """
    client = admin(brokers)
    wanted = {topic.name: topic for topic in topics}
    created = _create_missing(client, wanted)
    _alter_configs(client, [topic for name, topic in wanted.items() if name not in created])
    counts = partition_counts(client, {name for names in groups.values() for name in names})
    from_start = {group for group in groups if fresh or group in backfill}
    read = [(name, number) for name, count in counts.items() for number in range(count)]
    ends = settled_end_offsets(client, read)
    for group, names in groups.items():
        partitions = [(name, p) for name in names for p in range(counts[name])]
        committed = committed_offsets(client, group, partitions)
        missing = [at for at in partitions if at not in committed]
        first = [at for at in missing if group in from_start or at[0] in created]
        starts = {at: 0 for at in first} | {at: ends[at] for at in set(missing) - set(first)}
        starts |= _rewound(group, committed, ends)
        if starts:
            _commit(client, group, starts)


def rewind(brokers: Brokers, group: str, names: Collection[str]) -> None:
    """Make a group without members read these topics again from their beginning."""
    client = admin(brokers)
    counts = partition_counts(client, names)
    _commit(client, group, {(name, p): 0 for name in names for p in range(counts[name])})


def partition_counts(
    client: Admin, names: Collection[str], patience_seconds: float = PATIENCE_SECONDS
) -> dict[str, int]:
    """The number of partitions of each topic. Raises UnknownTopic if one does not exist.

    Waits for a topic as long as `patience_seconds`, since any broker may answer: one that has just
    started knows the topics of a moment ago."""

    def counted() -> dict[str, int]:
        known = client.list_topics(timeout=patience_seconds).topics
        for name in names:
            if name not in known or not known[name].partitions:
                raise UnknownTopic(name)
        return {name: len(known[name].partitions) for name in names}

    return _with_retries(counted, UnknownTopic, patience_seconds)


def committed_offsets(
    client: Admin, group: str, partitions: Iterable[Partition]
) -> dict[Partition, int]:
    """The offsets that a group has committed on these partitions."""
    wanted = [TopicPartition(name, number) for name, number in partitions]
    if not wanted:
        return {}
    with group_client(client, group) as consumer:
        found = _with_retries(lambda: consumer.committed(wanted, timeout=ANSWER_SECONDS))
    return {(one.topic, one.partition): one.offset for one in found if one.offset >= 0}


def end_offsets(client: Admin, partitions: Iterable[Partition]) -> dict[Partition, int]:
    """The offset after the last record of each partition. Raises KafkaException."""
    wanted = {TopicPartition(name, number): OffsetSpec.latest() for name, number in partitions}
    if not wanted:
        return {}
    answers: Mapping[TopicPartition, Future[Any]] = client.list_offsets(wanted)
    found = {(at.topic, at.partition): int(one.result().offset) for at, one in answers.items()}
    if unknown := sorted(at for at, offset in found.items() if offset < 0):
        # What the answer has, without an error, for partitions of a broker that does not answer.
        reason = f"no end of {unknown[0][0]} {unknown[0][1]} and {len(unknown) - 1} more"
        raise KafkaException(KafkaError(KafkaError.LEADER_NOT_AVAILABLE, reason))
    return found


def settled_end_offsets(client: Admin, partitions: Collection[Partition]) -> dict[Partition, int]:
    """The same, as soon as every partition has a leader: new ones need a moment."""
    return _with_retries(lambda: end_offsets(client, partitions))


def holds_a_message(client: Admin, at: Partition, offset: int) -> bool | None:
    """Whether there is a message at this offset or later; None without a timely answer.

    A transaction ends with a marker, which has an offset but is delivered to no consumer."""
    with group_client(client, "copystand.looks", reads=True) as consumer:
        consumer.assign([TopicPartition(*at, offset)])
        message = consumer.poll(FETCH_SECONDS)
        error = message.error() if message is not None else None
    if message is None or (error is not None and error.code() != KafkaError._PARTITION_EOF):
        return None
    return error is None


def lag(client: Admin, group: str, names: Collection[str]) -> int:
    """The number of records that a group has not finished on these topics."""
    counts = partition_counts(client, names)
    partitions = [(name, number) for name in names for number in range(counts[name])]
    committed = committed_offsets(client, group, partitions)
    ends = end_offsets(client, partitions)
    return sum(max(0, end - committed.get(at, 0)) for at, end in ends.items())


def _create_missing(client: Admin, wanted: Mapping[str, Topic]) -> set[str]:
    known = client.list_topics(timeout=PATIENCE_SECONDS).topics
    for name, topic in wanted.items():
        if name in known and len(known[name].partitions) != topic.partitions:
            raise WrongPartitions(
                f"{name} has {len(known[name].partitions)} partitions, the catalogue says"
                f" {topic.partitions}. Keys would move to other partitions and lose their order:"
                " restore the catalogue, or create a new version of the topic."
            )
    missing = [topic for name, topic in wanted.items() if name not in known]
    if missing:
        # The number of replicas is the default of the brokers.
        new = [NewTopic(one.name, one.partitions, config=dict(one.config)) for one in missing]
        for creation in client.create_topics(new, request_timeout=PATIENCE_SECONDS).values():
            creation.result()
        partition_counts(client, [one.name for one in missing])
    return {topic.name for topic in missing}


def _alter_configs(client: Admin, topics: Collection[Topic]) -> None:
    resources = [ConfigResource(ResourceType.TOPIC, topic.name) for topic in topics if topic.config]
    if not resources:
        return
    wanted = {topic.name: topic.config for topic in topics}
    changed = []
    for resource, answer in client.describe_configs(resources).items():
        found = answer.result()
        entries = [
            ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)
            for key, value in wanted[resource.name].items()
            if key not in found or found[key].value != value
        ]
        if entries:
            changed.append(
                ConfigResource(ResourceType.TOPIC, resource.name, incremental_configs=entries)
            )
    if changed:
        for alteration in client.incremental_alter_configs(changed).values():
            alteration.result()


def _rewound(
    group: str, committed: Mapping[Partition, int], ends: Mapping[Partition, int]
) -> dict[Partition, int]:
    """The ends of the partitions that lost records which the group has finished."""
    beyond = {at: ends[at] for at, offset in committed.items() if offset > ends[at]}
    for (name, number), end in beyond.items():
        where = {"topic": name, "partition": number, "committed": committed[name, number]}
        log.error("topic lost records", extra={"group": group, **where, "end": end})
    return beyond


def _commit(client: Admin, group: str, starts: Mapping[Partition, int]) -> None:
    offsets = [TopicPartition(name, number, start) for (name, number), start in starts.items()]

    with group_client(client, group) as consumer:
        # A group whose static members have just ended is in use until their session times out.
        _with_retries(lambda: consumer.commit(offsets=offsets, asynchronous=False))


@contextmanager
def group_client(client: Admin, group: str, *, reads: bool = False) -> Iterator[Consumer]:
    """A consumer that does not join the group, so it can commit while the group has no members.

    With `reads` it is for messages: it also returns an event at the end of each partition."""
    # The group calls of AdminClient caused a segmentation fault when they were repeated while a new
    # broker created its offsets topic (librdkafka 2.16.0).
    consumer = Consumer(
        QUIET
        | client.brokers.client
        | {
            "group.id": group,
            "enable.auto.commit": False,
            "enable.partition.eof": reads,
            # With read_committed, no answer about offsets comes while a transaction with offsets of
            # the group is open: after a power cut for as long as its time limit.
            "isolation.level": "read_committed" if reads else "read_uncommitted",
        }
    )
    try:
        yield consumer
    finally:
        consumer.close()


def _with_retries(
    action: Callable[[], T],
    retried: type[Exception] = KafkaException,
    patience_seconds: float = PATIENCE_SECONDS,
) -> T:
    """Retry an action that a coordinator refuses while it is loading or busy."""
    deadline = time.monotonic() + patience_seconds
    while True:
        try:
            return action()
        except retried:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
