"""The Kafka clients of the sealer: a transactional producer and two consumers."""

from dataclasses import dataclass

from confluent_kafka import Consumer, Producer

from schemas.catalogue import AUDIT_INTAKE, AUDIT_PREMIS
from streams.kafka.client import CLIENT

TRANSACTION_MS = 30_000


@dataclass(frozen=True)
class SealerTopics:
    """The topics between which events are sealed, and the identity of the sealer on the broker."""

    intake: str = AUDIT_INTAKE.name
    premis: str = AUDIT_PREMIS.name
    group: str = "copystand.sealer"
    transactional_id: str = "copystand-sealer"


def transactional_producer(brokers: str, topics: SealerTopics) -> Producer:
    """Writes audit.premis. A second one with the same transactional id fences the first."""
    return Producer(
        {
            **CLIENT,
            "bootstrap.servers": brokers,
            "transactional.id": topics.transactional_id,
            "transaction.timeout.ms": TRANSACTION_MS,
            "message.timeout.ms": TRANSACTION_MS,
            "linger.ms": 5,
            "compression.type": "lz4",
            "partitioner": "murmur2_random",
        }
    )


def intake_consumer(brokers: str, topics: SealerTopics) -> Consumer:
    """Reads audit.intake. Offsets are committed with the transactions of the producer."""
    return Consumer(
        {
            **CLIENT,
            "bootstrap.servers": brokers,
            "group.id": topics.group,
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
        }
    )


def log_consumer(brokers: str) -> Consumer:
    """Reads audit.premis back, committed records only, with a notice at its end."""
    return Consumer(
        {
            **CLIENT,
            "bootstrap.servers": brokers,
            "group.id": "copystand.sealer.reads-back",
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
        }
    )
