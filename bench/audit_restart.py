"""Seconds from the start of a sealer to the first event that it seals, with a log of ten million.

Run: python -m bench.audit_restart [--events 10000000] [--folder DIR] [--record]

The log, its checkpoints, the index and the topic are made by the sealer's own writers, without the
transactions: only their content matters at a start. Event ids ascend, so that the index is filled
quickly."""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from confluent_kafka import Producer

from bench.audit import parts_of
from bench.common import commit, machine, tell
from schemas.codec import PREFIX, encode
from schemas.event_fields import event_fields
from streams.audit.sealed_record import Seal, SealedRecord, headers_of, schema_digest
from streams.sealer.event_index import EventIndex, IndexedEvent, Position
from streams.sealer.sealed_log import open_sealed_log
from streams.sealer.signing import FOLDER, open_checkpoints
from streams.sealer.validation import content_digest
from streams.transparency_log.export import newest_checkpoint
from tests.support.audit_log import Log, a_log, an_event, delivery

PORTION = 4096
SEALED_AT = 1_790_000_000_000_000
ID_AT = PREFIX.size + 1
"""Where the id of an event begins in a message, behind its length."""
GOAL_SECONDS = 15
HEAD = (
    "| date | commit | machine | load | events | made in, s"
    " | first event sealed after, s | goal of 15 s |"
)


def main() -> int:
    """Measure, print the line, and keep it when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--folder", type=Path, help="Where the home is made.")
    parser.add_argument("--record", action="store_true", help="append to bench/results.md")
    asked = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(dir=asked.folder) as scratch, parts_of(Path(scratch)) as parts:
        log = a_log(parts, Path(scratch) / "sealer")
        began = time.monotonic()
        _make(log, asked.events)
        made = time.monotonic() - began
        print(f"made in {made:.0f} s", flush=True)
        seconds = _seconds_to_the_first_event(log, asked.events)
    cells = (
        *(datetime.now(UTC).date().isoformat(), commit(), machine(), f"{load:.1f}", asked.events),
        *(f"{made:.0f}", f"{seconds:.1f}"),
        "reached" if seconds < GOAL_SECONDS else "missed",
    )
    tell(HEAD, "| " + " | ".join(map(str, cells)) + " |", asked.record)
    return 0


class NoWitness:
    """Publishes no checkpoint."""

    def publish(self, size: int, checkpoint: bytes, proofs: bytes) -> None:
        pass

    def close(self) -> None:
        pass


@dataclass(frozen=True)
class Synthetic:
    """An event in message form, of which others differ only in their id."""

    value: bytes
    schema_sha256: bytes

    def records(self, first: int, count: int) -> Iterator[SealedRecord]:
        """Sealed events with ascending ids."""
        for seq in range(first, first + count):
            event_id = f"{seq:08x}-0000-5000-8000-000000000000"
            rest = self.value[ID_AT + len(event_id) :]
            value = self.value[:ID_AT] + event_id.encode() + rest
            yield SealedRecord(event_id, value, Seal(seq, SEALED_AT + seq, self.schema_sha256))


def _synthetic() -> Synthetic:
    value = encode(an_event(0))
    made = Synthetic(value, schema_digest(value))
    (third,) = made.records(3, 1)
    wanted = event_fields(value)._replace(event_id=third.event_id)
    assert event_fields(third.value) == wanted
    return made


def _make(log: Log, events: int) -> None:
    """The log, the checkpoints, the index and the topic of a home that has sealed events."""
    folder, synthetic = log.home / "audit", _synthetic()
    index, sealed = EventIndex(folder / "index.db"), open_sealed_log(folder / FOLDER)
    checkpoints = open_checkpoints(log.home, NoWitness())
    producer = Producer(
        {**log.parts.kafka.client, "linger.ms": 50, "compression.type": "lz4", "acks": "all"}
    )
    for first in range(0, events, PORTION):
        records = list(synthetic.records(first, min(PORTION, events - first)))
        sealed.append(records)
        checkpoints.sign_if_due(sealed.store, now=True)
        _index(index, records)
        _publish(producer, log.line.premis, records)
        if first % (PORTION * 100) == 0:
            print(f"{first} events", flush=True)
    assert producer.flush(300) == 0
    checkpoints.close(sealed.store)
    index.close()
    sealed.store.close()


def _index(index: EventIndex, records: list[SealedRecord]) -> None:
    first, last = records[0].seal, records[-1].seal
    # The topic has no markers of transactions, so that each event has its seq as offset.
    index.advance(
        Position(first.seq, first.seq, 0),
        (
            IndexedEvent(
                one.event_id, one.seal.seq, content_digest(one.seal.schema_sha256, one.value)
            )
            for one in records
        ),
        Position(last.seq + 1, last.seq + 1, last.sealed_at),
    )


def _publish(producer: Producer, topic: str, records: list[SealedRecord]) -> None:
    for one in records:
        while True:
            try:
                producer.produce(
                    topic, one.value, one.event_id, partition=0, headers=headers_of(one.seal)
                )
                break
            except BufferError:
                producer.poll(0.1)
    producer.poll(0)


def _seconds_to_the_first_event(log: Log, events: int) -> float:
    log.deliver([delivery(an_event(events))])
    began = time.monotonic()
    with log.sealer() as process:
        while newest_checkpoint(log.home / "audit" / FOLDER).size <= events:
            if process.poll() is not None or time.monotonic() > began + 600:
                raise RuntimeError((log.home / "role.log").read_text()[-3000:])
            time.sleep(0.02)
        return time.monotonic() - began


if __name__ == "__main__":
    sys.exit(main())
