"""Publishes again what the broker lost and the tables have, and continues at the end of the topics.

PostgreSQL flushes each transaction. A broker that does not, or whose disk was restored, may end
before the offsets of the tracker: then the tables are ahead of the topics and contain what is
missing there."""

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Protocol

from infra.topics import Partition
from schemas.catalogue import key_of, topic_of
from schemas.codec import Undecodable, decode
from schemas.models import Fact
from streams.execution.facts import audit_messages
from streams.kafka.messages import Incoming, Outgoing
from streams.topology import TRACKER_INPUTS, TRACKER_OUTPUTS
from streams.tracker.process_manager import ProcessManager
from streams.tracker.queries import query

log = logging.getLogger(__name__)

PORTION = 500
OWN = tuple(dict.fromkeys((*TRACKER_OUTPUTS, topic_of("WorkQuarantined").name)))
"""Topics that the tracker writes."""
StoredRow = tuple[str, bytes, int | None, int | None, str]
"""Event id, bytes, position and record of a fact in the tables."""


class Topics(Protocol):
    """What a repair reads from; see TopicReader."""

    def partitions(self, names: Sequence[str]) -> list[Partition]:
        """All partitions of these topics."""
        ...

    def ends(self, partitions: Collection[Partition]) -> dict[Partition, int]:
        """The offset after the last record of each of these partitions."""
        ...

    def read_to_the_end(self, offsets: Mapping[Partition, int]) -> Iterator[list[Incoming]]:
        """All messages from these offsets to the present ends of the partitions, in portions."""
        ...


def repair(manager: ProcessManager, topics: Topics) -> bool:
    """Whether topics end before the tracker's offsets. If so, everything that the tables have and
    the topics lost is in the outbox, with the PREMIS events of all facts; receivers drop repeated
    messages by event id."""
    offsets = manager.next_offsets(topics.partitions(TRACKER_INPUTS))
    ends = topics.ends(offsets)
    lost = {at: ends[at] for at, offset in offsets.items() if offset > ends[at]}
    if not lost:
        return False
    for (topic, partition), end in sorted(lost.items()):
        where = {"topic": topic, "partition": partition, "read": offsets[topic, partition]}
        log.error("topic lost records", extra={**where, "end": end})
    open_work = {event_id for (event_id,) in manager.conn.execute(query("open_work"))}
    present = _event_ids(topics)
    again, after = 0, ""
    while True:
        values = {"after": after, "limit": PORTION}
        rows = manager.conn.execute(query("facts_after"), values).fetchall()
        messages = [message for row in rows for message in _messages(row, lost, present, open_work)]
        again += len(messages)
        manager.publish_again(lost, messages, last=len(rows) < PORTION)
        if len(rows) < PORTION:
            break
        after = rows[-1][0]
    log.warning("lost records published again", extra={"messages": again})
    return True


def _messages(
    row: StoredRow, lost: Mapping[Partition, int], present: set[str], open_work: set[str]
) -> Iterator[Outgoing]:
    """The fact, if its topic lost it or it waits for an answer, and its PREMIS events."""
    event_id, value, partition, offset, record = row
    fact, topic = decode(value, Fact), topic_of(record).name
    if partition is None or offset is None:
        is_lost = topic in OWN and event_id not in present
    else:
        is_lost = offset >= lost.get((topic, partition), offset + 1)
    if is_lost or event_id in open_work:
        yield Outgoing(topic, key_of(fact), value)
    yield from audit_messages(fact)


def _event_ids(topics: Topics) -> set[str]:
    """The ids of all facts on the topics that the tracker writes."""
    own = topics.partitions(OWN)
    found = set()
    for portion in topics.read_to_the_end(dict.fromkeys(own, 0)):
        for message in portion:
            try:
                found.add(decode(message.value, Fact).head.event_id)
            except Undecodable:
                continue
    return found
