"""The records of audit.premis in order of seq, without those that the sealer did not write."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple

from confluent_kafka import Message

from streams.audit.sealed_record import BrokenSeal, Seal, seal_of
from streams.kafka.messages import headers_of, offset_of
from streams.sealer.record_proofs import HEADER
from streams.sealer.validation import ValidEvent, intake_record, validate

LAST_MICROSECOND = 253_402_300_799_000_000
"""9999-12-31T23:59:59Z."""
MOST_AHEAD = 10_000


class LogRecord(NamedTuple):
    """A sealed event as read back from audit.premis."""

    offset: int
    seal: Seal
    event: ValidEvent
    proof: bytes = b""
    """That the sealer of this home wrote it; empty if it has none."""


@dataclass(frozen=True)
class ForeignRecord:
    """A record on audit.premis that the sealer did not write, and why it is known."""

    offset: int
    arrived_at: datetime
    sha256: str
    found: str


@dataclass
class LogOrder:
    """Takes records one by one. A record is sealed if its seal and event are intact, it has the
    next seq, and it agrees with what was sealed. A higher seq is not skipped: it is foreign only
    once the next one follows it."""

    next_seq: int
    agrees: Callable[[LogRecord], bool] = lambda _: True
    """Whether a record is what was sealed under its seq."""
    ahead: list[ForeignRecord] = field(default_factory=list)
    """Records with a higher seq than the next one, at most MOST_AHEAD: they are foreign, or the log
    has a gap before them."""
    other: str = ""
    """The last record that was not what was sealed with its seq."""

    def take(self, message: Message) -> tuple[LogRecord | None, Sequence[ForeignRecord]]:
        """The sealed event of a record, if it is the next one, and what is known to be foreign."""
        try:
            sealed = _sealed(message)
        except BrokenSeal as broken:
            return None, [_foreign(message, str(broken))]
        seq = sealed.seal.seq
        if seq == self.next_seq and not self.agrees(sealed):
            found = f"it is not the event that was sealed with seq {seq}"
            self.other = f"offset {sealed.offset}: {found}"
            return None, [_foreign(message, found)]
        if seq == self.next_seq:
            foreign, self.ahead = self.ahead, []
            self.next_seq += 1
            return sealed, foreign
        found = f"it has seq {seq}, expected {self.next_seq}"
        if seq < self.next_seq:
            return None, [_foreign(message, f"{found}: this seq is taken")]
        if len(self.ahead) < MOST_AHEAD:
            self.ahead.append(_foreign(message, found))
        return None, []

    def gap(self) -> str:
        """The gap that the records read so far show; empty if there is none."""
        if not self.ahead:
            return ""
        first = self.ahead[0]
        return f"seq {self.next_seq} is missing; offset {first.offset}: {first.found}"


def _sealed(message: Message) -> LogRecord:
    """Raises BrokenSeal."""
    headers = headers_of(message)
    seal = seal_of(headers)
    event = validate(message.key(), message.value())
    if not isinstance(event, ValidEvent):
        raise BrokenSeal(f"{event.code}: {event.found}")
    if event.schema_sha256 != seal.schema_sha256:
        raise BrokenSeal("its header schema_sha256 is not that of its schema")
    if seal.sealed_at > LAST_MICROSECOND:
        raise BrokenSeal(f"its header sealed_at is {seal.sealed_at}")
    return LogRecord(offset_of(message), seal, event, headers.get(HEADER, b""))


def _foreign(message: Message, found: str) -> ForeignRecord:
    record = intake_record(message)
    digest = sha256(record.value or b"").hexdigest()
    return ForeignRecord(record.offset, record.arrived_at, digest, found[:500])
