"""The topic of sealed records, compared with the sealed log record by record."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from confluent_kafka import Message

from streams.audit.sealed_record import BrokenSeal, SealedRecord, seal_of
from streams.kafka.messages import headers_of, offset_of
from streams.projector.findings import id_of_record
from streams.transparency_log.merkle import leaf_hash
from streams.transparency_log.tiles import Tree
from streams.verification.log_files import event_id_of

Later = Callable[[int, float], Sequence[bytes]]
"""Gives the leaves behind the tree up to a seq, and waits these seconds until they are there."""
ANY = 1 << 62
WAIT_SECONDS = 5.0
"""An event is on the topic a moment before it is in the log."""


@dataclass(frozen=True)
class Foreign:
    """A record that the sealer did not write."""

    seq: int
    """The first event concerned: that of its seq, or the next one at its place."""
    offset: int
    finding: str
    """The event_id of the projector's finding about it."""


@dataclass
class TopicComparison:
    """Takes the records of a topic in their order."""

    topic: str
    tree: Tree
    later: Later
    next_seq: int = 0
    foreign: list[Foreign] = field(default_factory=list)
    _gap: bool = False
    """Whether a later event was before the next one: that one is not in its place any more."""
    _more: Sequence[bytes] = ()
    _absent: int = -1
    """A seq for which the log was asked in vain."""

    def __post_init__(self) -> None:
        self._leaves = self.tree.leaves()
        self._wanted = next(self._leaves, None)

    def take(self, message: Message) -> None:
        """Compare the next record. Raises DamagedLog."""
        value = message.value() or b""
        try:
            record = SealedRecord("", value, seal_of(headers_of(message)))
        except BrokenSeal:
            return self._note(self.next_seq, message)
        seq = record.seal.seq
        if seq == self.next_seq and not self._gap and record.leaf == self._next_leaf():
            self.next_seq += 1
            self._wanted = next(self._leaves, None)
        elif self._is_behind_a_gap(record):
            self._gap = True
        else:
            self._note(min(seq, self.next_seq), message)
        return None

    def first_difference(self) -> tuple[int, str] | None:
        """The first event that the topic does not have as it was sealed, or about which it has a
        record that nobody has reported. Raises DamagedLog."""
        found = []
        if self.next_seq < self.tree.size:
            found.append((self.next_seq, "the topic does not have this event as it was sealed"))
        wanted = {one.finding for one in self.foreign}
        reported = wanted.intersection(self._event_ids()) if wanted else set()
        found += [
            (one.seq, f"offset {one.offset} has a record that the sealer did not write")
            for one in self.foreign
            if one.finding not in reported
        ]
        return min(found, default=None)

    def _next_leaf(self) -> bytes | None:
        if self.next_seq < self.tree.size:
            return self._wanted
        place = self.next_seq - self.tree.size
        if place >= len(self._more):
            seconds = 0.0 if self._absent == self.next_seq else WAIT_SECONDS
            self._more = self.later(self.next_seq, seconds)
        if place < len(self._more):
            return self._more[place]
        self._absent = self.next_seq
        return None

    def _is_behind_a_gap(self, record: SealedRecord) -> bool:
        seq = record.seal.seq
        if not self.next_seq < seq < self.tree.size:
            return False
        return self.tree.leaf_hash(seq) == leaf_hash(record.leaf)

    def _note(self, seq: int, message: Message) -> None:
        offset = offset_of(message)
        digest = sha256(message.value() or b"").hexdigest()
        self.foreign.append(Foreign(seq, offset, id_of_record(self.topic, offset, digest)))

    def _event_ids(self) -> Iterator[str]:
        yield from map(event_id_of, self.tree.leaves())
        yield from map(event_id_of, self.later(ANY, 0))


def compare(messages: Iterable[Message], comparison: TopicComparison) -> tuple[int, str] | None:
    """What `first_difference` gives after all messages."""
    for message in messages:
        comparison.take(message)
    return comparison.first_difference()
