"""The bare loops beside which the sealer and the projector are measured.

Run: python -m bench.audit_bare kafka|copy FILE, where FILE has the pickled arguments of a loop."""

import pickle
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from confluent_kafka import Consumer, Producer, TopicPartition
from psycopg.sql import SQL, Identifier

from infra.kafka_access import Brokers
from streams.audit.sealed_record import Seal, headers_of
from streams.kafka.client import CLIENT
from streams.projector.rows import COLUMN_LIST, Row, binary_copy

SEALED_AT_ONCE, PROJECTED_AT_ONCE = 1000, 2000


@dataclass(frozen=True)
class Speed:
    """How fast a loop is."""

    events: float
    """Events per second."""
    cpu: float
    """Processor seconds of its process for each event."""

    def __str__(self) -> str:
        return f"{self.events:.0f} events/s, {self.cpu * 1e6:.0f} us of CPU for an event"


class Stopwatch:
    """Measures a loop of this process."""

    def __init__(self) -> None:
        self._began, self._cpu = time.monotonic(), time.process_time()

    def speed(self, events: int) -> Speed:
        """The speed since it was made."""
        seconds, cpu = time.monotonic() - self._began, time.process_time() - self._cpu
        return Speed(events / seconds, cpu / events)


def consume_and_produce(brokers: Brokers, source: str, target: str, count: int) -> Speed:
    """How fast a plain loop with transactions copies from topic to topic."""
    group = f"bare.{target}"
    consumer = Consumer(
        {**CLIENT, **brokers.client, "group.id": group, "enable.auto.commit": False}
    )
    producer = Producer(
        {
            **CLIENT,
            **brokers.client,
            "transactional.id": group,
            "linger.ms": 5,
            "compression.type": "lz4",
        }
    )
    producer.init_transactions(30)
    headers = headers_of(Seal(0, 0, bytes(32)))
    consumer.assign([TopicPartition(source, 0, 0)])
    done, watch = 0, Stopwatch()
    while done < count:
        messages = consumer.consume(SEALED_AT_ONCE, timeout=0.5)
        messages = [one for one in messages if one.error() is None]
        if not messages:
            continue
        if not done:
            watch = Stopwatch()
        producer.begin_transaction()
        for one in messages:
            producer.produce(target, one.value(), one.key(), partition=0, headers=headers)
        reached = [TopicPartition(source, 0, (messages[-1].offset() or 0) + 1)]
        producer.send_offsets_to_transaction(reached, consumer.consumer_group_metadata(), 30)
        producer.commit_transaction(30)
        done += len(messages)
    consumer.close()
    return watch.speed(done)


def copy_rows(connection: psycopg.Connection[Any], table: str, rows: Sequence[Row]) -> Speed:
    """How fast COPY adds rows to a table, in transactions of the projector's size."""
    order = SQL("COPY audit.{} ({}) FROM STDIN (FORMAT BINARY)").format(
        Identifier(table), COLUMN_LIST
    )
    watch = Stopwatch()
    for start in range(0, len(rows), PROJECTED_AT_ONCE):
        with connection.transaction(), binary_copy(connection, order) as copy:
            for row in rows[start : start + PROJECTED_AT_ONCE]:
                copy.write_row(row)
    return watch.speed(len(rows))


def main() -> None:
    """Run one loop in this process, and print its rate."""
    kind, given = sys.argv[1], pickle.loads(Path(sys.argv[2]).read_bytes())
    if kind == "kafka":
        speed = consume_and_produce(*given)
    else:
        dsn, table, rows = given
        with psycopg.connect(dsn, autocommit=True) as connection:
            speed = copy_rows(connection, table, rows)
    print(speed.events, speed.cpu)


if __name__ == "__main__":
    main()
