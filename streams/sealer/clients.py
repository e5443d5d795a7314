"""The Kafka clients of the sealer: two producers, one of them transactional, and two consumers."""

from dataclasses import dataclass

from confluent_kafka import Consumer, Producer

from infra.kafka_access import Brokers
from schemas.catalogue import AUDIT_CHECKPOINTS, AUDIT_INTAKE, AUDIT_PREMIS
from streams.kafka.client import CLIENT, READ_BACK_GROUP, TRANSACTIONAL_ID

TRANSACTION_MS = 30_000


@dataclass(frozen=True)
class SealerTopics:
    """The topics between which events are sealed, and the identity of the sealer on the broker."""

    intake: str = AUDIT_INTAKE.name
    premis: str = AUDIT_PREMIS.name
    group: str = "copystand.sealer"
    transactional_id: str = TRANSACTIONAL_ID
    checkpoints: str = AUDIT_CHECKPOINTS.name


def transactional_producer(brokers: Brokers, topics: SealerTopics) -> Producer:
    """Writes audit.premis. A second one with the same transactional id fences the first."""
    return Producer(
        {
            **CLIENT,
            **brokers.client,
            "transactional.id": topics.transactional_id,
            "transaction.timeout.ms": TRANSACTION_MS,
            "message.timeout.ms": TRANSACTION_MS,
            "linger.ms": 5,
            "compression.type": "lz4",
            "partitioner": "murmur2_random",
        }
    )


def checkpoint_producer(brokers: Brokers) -> Producer:
    """Writes checkpoints, outside of the transactions."""
    return Producer({**CLIENT, **brokers.client, "message.timeout.ms": TRANSACTION_MS})


def intake_consumer(brokers: Brokers, topics: SealerTopics) -> Consumer:
    """Reads audit.intake. Offsets are committed with the transactions of the producer."""
    return Consumer(
        {
            **CLIENT,
            **brokers.client,
            "group.id": topics.group,
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
        }
    )


def log_consumer(brokers: Brokers) -> Consumer:
    """Reads audit.premis back, committed records only, with a notice at its end."""
    return Consumer(
        {
            **CLIENT,
            **brokers.client,
            "group.id": READ_BACK_GROUP,
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
        }
    )
