"""Clients that are none of ours, as tests need them."""

from uuid import uuid4

from confluent_kafka import Producer


def transaction(brokers: str, topic: str, *, commit: bool = True) -> None:
    """One message in a transaction, into partition 0; after it stands a marker."""
    producer = Producer({"bootstrap.servers": brokers, "transactional.id": uuid4().hex})
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(topic, b"x", partition=0)
    if commit:
        producer.commit_transaction(30)
    else:
        producer.flush(30)
        producer.abort_transaction(30)
