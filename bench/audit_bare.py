"""The bare loops beside which the sealer and the projector are measured.

Run: python -m bench.audit_bare kafka|copy FILE, where FILE has the pickled arguments of a loop."""

import pickle
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from confluent_kafka import Consumer, Message, Producer, TopicPartition
from psycopg.sql import SQL, Identifier

from infra.kafka_access import Brokers
from streams.audit.sealed_record import Seal, headers_of
from streams.kafka.client import CLIENT
from streams.projector.rows import COLUMN_LIST, COLUMNS, binary_copy

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


@dataclass
class Stopwatch:
    """Measures the parts of a loop of this process."""

    seconds: float = 0.0
    cpu: float = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Add the time of a part."""
        began, cpu = time.monotonic(), time.process_time()
        yield
        self.seconds += time.monotonic() - began
        self.cpu += time.process_time() - cpu

    def speed(self, events: int) -> Speed:
        """The speed of all parts."""
        return Speed(events / self.seconds, self.cpu / events)


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
    messages = _some(consumer)
    while messages:
        with watch.running():
            producer.begin_transaction()
            for one in messages:
                producer.produce(target, one.value(), one.key(), partition=0, headers=headers)
            reached = [TopicPartition(source, 0, (messages[-1].offset() or 0) + 1)]
            producer.send_offsets_to_transaction(reached, consumer.consumer_group_metadata(), 30)
            producer.commit_transaction(30)
            done += len(messages)
            messages = _some(consumer) if done < count else []
    consumer.close()
    return watch.speed(done)


def _some(consumer: Consumer) -> list[Message]:
    """The next records, when there are some."""
    while True:
        messages = consumer.consume(SEALED_AT_ONCE, timeout=0.5)
        if messages := [one for one in messages if one.error() is None]:
            return messages


def copy_rows(connection: psycopg.Connection[Any], table: str, count: int) -> Speed:
    """How fast COPY adds the first rows of audit.events to a table, in transactions of the
    projector's size. Reading them is not measured."""
    # As the projector gives them to COPY: ids and agents as text.
    as_text = ("event_id", "cause_id", "agents")
    names = SQL(", ").join(map(SQL, (f"{n}::text" if n in as_text else n for n in COLUMNS)))
    query = SQL("SELECT {} FROM audit.events WHERE seq >= %s ORDER BY seq LIMIT %s").format(names)
    order = SQL("COPY audit.{} ({}) FROM STDIN (FORMAT BINARY)").format(
        Identifier(table), COLUMN_LIST
    )
    watch = Stopwatch()
    for start in range(0, count, PROJECTED_AT_ONCE):
        rows = connection.execute(query, (start, PROJECTED_AT_ONCE)).fetchall()
        with watch.running(), connection.transaction(), binary_copy(connection, order) as copy:
            for row in rows:
                copy.write_row(row)
    return watch.speed(count)


def main() -> None:
    """Run one loop in this process, and print its rate."""
    kind, given = sys.argv[1], pickle.loads(Path(sys.argv[2]).read_bytes())
    if kind == "kafka":
        speed = consume_and_produce(*given)
    else:
        dsn, table, count = given
        with psycopg.connect(dsn, autocommit=True) as connection:
            speed = copy_rows(connection, table, count)
    print(speed.events, speed.cpu)


if __name__ == "__main__":
    main()
