"""The bare loops beside which the sealer and the projector are measured.

Run: python -m bench.audit_bare kafka|copy FILE, where FILE has the pickled arguments of a loop."""

import pickle
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg
from confluent_kafka import Consumer, Producer, TopicPartition
from psycopg.sql import SQL, Identifier

from infra.kafka_access import Brokers
from streams.kafka.client import CLIENT
from streams.projector.rows import COLUMN_LIST, Row

SEALED_AT_ONCE, PROJECTED_AT_ONCE = 1000, 2000


def consume_and_produce(brokers: Brokers, source: str, target: str, count: int) -> float:
    """Events per second that a plain loop with transactions copies from topic to topic."""
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
    consumer.assign([TopicPartition(source, 0, 0)])
    done, began = 0, 0.0
    while done < count:
        messages = consumer.consume(SEALED_AT_ONCE, timeout=0.5)
        messages = [one for one in messages if one.error() is None]
        if not messages:
            continue
        began = began or time.monotonic()
        producer.begin_transaction()
        for one in messages:
            producer.produce(target, one.value(), one.key(), partition=0)
        reached = [TopicPartition(source, 0, (messages[-1].offset() or 0) + 1)]
        producer.send_offsets_to_transaction(reached, consumer.consumer_group_metadata(), 30)
        producer.commit_transaction(30)
        done += len(messages)
    consumer.close()
    return done / (time.monotonic() - began)


def copy_rows(connection: psycopg.Connection[Any], table: str, rows: Sequence[Row]) -> float:
    """Rows per second that COPY adds to a table, in transactions of the projector's size."""
    order = SQL("COPY audit.{} ({}) FROM STDIN").format(Identifier(table), COLUMN_LIST)
    began = time.monotonic()
    for start in range(0, len(rows), PROJECTED_AT_ONCE):
        with connection.transaction(), connection.cursor() as cursor, cursor.copy(order) as copy:
            for row in rows[start : start + PROJECTED_AT_ONCE]:
                copy.write_row(row)
    return len(rows) / (time.monotonic() - began)


def main() -> None:
    """Run one loop in this process, and print its rate."""
    kind, given = sys.argv[1], pickle.loads(Path(sys.argv[2]).read_bytes())
    if kind == "kafka":
        print(consume_and_produce(*given))
    else:
        dsn, table, rows = given
        with psycopg.connect(dsn, autocommit=True) as connection:
            print(copy_rows(connection, table, rows))


if __name__ == "__main__":
    main()
