"""The projector's reader of audit.premis, and the offset that it commits."""

import logging

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from infra.kafka_access import Brokers
from streams.kafka.client import CLIENT

log = logging.getLogger(__name__)

GROUP = "copystand.projector"


def log_consumer(brokers: Brokers) -> Consumer:
    """Reads audit.premis, committed records only, with a notice at its end."""
    return Consumer(
        {
            **CLIENT,
            **brokers.client,
            "group.id": GROUP,
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
            "isolation.level": "read_committed",
            # The end lies behind the sealer's last transaction marker, which is no message.
            "enable.partition.eof": True,
        }
    )


def is_end(message: Message) -> bool:
    """Whether this is the notice at the end of the topic, and no record."""
    error = message.error()
    return error is not None and error.code() == KafkaError._PARTITION_EOF


def commit_offset(consumer: Consumer, topic: str, offset: int) -> None:
    """Commit the offset, from which `status` computes the lag; the position is in the table."""
    reached = TopicPartition(topic, 0, offset)
    try:
        consumer.commit(offsets=[reached], asynchronous=True)
    except KafkaException as error:
        log.warning("offset not committed", extra={"error": str(error)})
