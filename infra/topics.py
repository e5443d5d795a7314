"""Topics as the catalogue wants them, and the offset at which each group starts."""

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
from schemas.catalogue import Topic

PATIENCE_SECONDS = 60
ANSWER_SECONDS = 5
FETCH_SECONDS = 10.0
T = TypeVar("T")
Partition = tuple[str, int]
"""Topic name and partition number."""


class WrongPartitions(Exception):
    """A topic has another number of partitions than the catalogue says."""


class Admin(AdminClient):
    """A client for the administration of one broker; keep a reference while its calls run."""

    def __init__(self, bootstrap: str) -> None:
        """A client of this broker."""
        super().__init__(QUIET | {"bootstrap.servers": bootstrap, "reconnect.backoff.max.ms": 500})
        self.bootstrap = bootstrap


def admin(bootstrap: str) -> Admin:
    """A client for the administration of a broker."""
    return Admin(bootstrap)


def provision(
    bootstrap: str,
    topics: Iterable[Topic],
    groups: Mapping[str, Collection[str]],
    *,
    fresh: bool = True,
    backfill: Collection[str] = (),
) -> None:
    """Make topics and group offsets as wanted; committed offsets are never touched.

    A group without offsets starts at the beginning of a fresh line or of a topic made just now,
    and at the end of an existing line unless it is named in backfill.
    """
    client = admin(bootstrap)
    wanted = {topic.name: topic for topic in topics}
    made = _create_missing(client, wanted)
    _alter_configs(client, [topic for name, topic in wanted.items() if name not in made])
    counts = partition_counts(client, {name for names in groups.values() for name in names})
    from_start = {group for group in groups if fresh or group in backfill}
    for group, names in groups.items():
        missing = _uncommitted(client, group, [(n, p) for n in names for p in range(counts[n])])
        first = [at for at in missing if group in from_start or at[0] in made]
        starts = {at: 0 for at in first} | end_offsets(client, set(missing) - set(first))
        if starts:
            _commit(client, group, starts)


def partition_counts(
    client: Admin, names: Collection[str], patience_seconds: float = PATIENCE_SECONDS
) -> dict[str, int]:
    """How many partitions each of these topics has; raises KeyError for one that is not there."""
    known = client.list_topics(timeout=patience_seconds).topics
    return {name: len(known[name].partitions) for name in names}


def committed_offsets(
    client: Admin, group: str, partitions: Iterable[Partition]
) -> dict[Partition, int]:
    """The offsets that a group has committed on these partitions."""
    asked = [TopicPartition(name, number) for name, number in partitions]
    if not asked:
        return {}
    with group_client(client, group) as consumer:
        found = _patiently(lambda: consumer.committed(asked, timeout=ANSWER_SECONDS))
    return {(one.topic, one.partition): one.offset for one in found if one.offset >= 0}


def end_offsets(client: Admin, partitions: Iterable[Partition]) -> dict[Partition, int]:
    """The offset after the last record of each partition."""
    asked = {TopicPartition(name, number): OffsetSpec.latest() for name, number in partitions}
    if not asked:
        return {}
    answers: Mapping[TopicPartition, Future[Any]] = client.list_offsets(asked)
    return {(at.topic, at.partition): one.result().offset for at, one in answers.items()}


def holds_a_message(client: Admin, at: Partition, offset: int) -> bool | None:
    """Whether a consumer is given anything from this offset on; None when none of it comes in time.

    A transaction ends with a marker, which counts as an offset and is given to nobody."""
    with group_client(client, "copystand.looks", tells_ends=True) as consumer:
        consumer.assign([TopicPartition(*at, offset)])
        message = consumer.poll(FETCH_SECONDS)
        error = message.error() if message is not None else None
    if message is None or (error is not None and error.code() != KafkaError._PARTITION_EOF):
        return None
    return error is None


def lag(client: Admin, group: str, names: Collection[str]) -> int:
    """How many records a group has still to finish on these topics."""
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
                " set the catalogue back, or make a new version of the topic."
            )
    missing = [topic for name, topic in wanted.items() if name not in known]
    if missing:
        # As many replicas as the brokers' default says.
        new = [NewTopic(one.name, one.partitions, config=dict(one.config)) for one in missing]
        for creation in client.create_topics(new, request_timeout=PATIENCE_SECONDS).values():
            creation.result()
        _patiently(lambda: partition_counts(client, [one.name for one in missing]), KeyError)
    return {topic.name for topic in missing}


def _alter_configs(client: Admin, topics: Collection[Topic]) -> None:
    asked = [ConfigResource(ResourceType.TOPIC, topic.name) for topic in topics if topic.config]
    if not asked:
        return
    wanted = {topic.name: topic.config for topic in topics}
    changed = []
    for resource, answer in client.describe_configs(asked).items():
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


def _uncommitted(client: Admin, group: str, partitions: Collection[Partition]) -> list[Partition]:
    committed = committed_offsets(client, group, partitions)
    return [at for at in partitions if at not in committed]


def _commit(client: Admin, group: str, starts: Mapping[Partition, int]) -> None:
    offsets = [TopicPartition(name, number, start) for (name, number), start in starts.items()]

    with group_client(client, group) as consumer:
        # A group whose static members have just ended counts as in use until their session is over.
        _patiently(lambda: consumer.commit(offsets=offsets, asynchronous=False))


@contextmanager
def group_client(client: Admin, group: str, *, tells_ends: bool = False) -> Iterator[Consumer]:
    """A consumer that joins nothing, and so may commit for a group that nobody is in.

    With `tells_ends` it also gives an event at the end of each partition."""
    # Not the AdminClient's calls for groups: repeated while a new broker makes its offsets topic,
    # they ended the process with a segmentation fault (librdkafka 2.16.0).
    consumer = Consumer(
        QUIET
        | {"bootstrap.servers": client.bootstrap, "group.id": group}
        | {"enable.auto.commit": False, "enable.partition.eof": tells_ends}
    )
    try:
        yield consumer
    finally:
        consumer.close()


def _patiently(action: Callable[[], T], also: type[Exception] = KafkaException) -> T:
    """Repeat an action that a coordinator refuses while it is still loading or busy."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return action()
        except (KafkaException, also):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
