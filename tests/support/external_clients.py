"""Clients that are none of ours, as tests need them."""

import ctypes
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import confluent_kafka
from confluent_kafka import Consumer, Producer, TopicPartition

from infra.kafka_access import Brokers
from tests.support.running_line import wait_for

# librdkafka's kinds of what a message is made of (rdkafka.h, rd_kafka_vtype_t).
END, TOPIC, VALUE, KEY, FLAGS, HEADERS = 0, 1, 4, 5, 7, 10
COPY = 2
PRODUCER = 0


def transaction(brokers: Brokers, topic: str, *, commit: bool = True) -> None:
    """One message in a transaction, into partition 0; after it stands a marker."""
    begins = _end(brokers, topic)
    producer = Producer({**brokers.client, "transactional.id": uuid4().hex})
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(topic, b"x", partition=0)
    if commit:
        producer.commit_transaction(30)
    else:
        producer.flush(30)
        producer.abort_transaction(30)
    # The broker answers before it has written the marker.
    wait_for(lambda: _end(brokers, topic) >= begins + 2, 30, lambda: topic)


def _end(brokers: Brokers, topic: str) -> int:
    with closing(Consumer({**brokers.client, "group.id": "stranger"})) as consumer:
        return consumer.get_watermark_offsets(TopicPartition(topic, 0), 10)[1]


def named_in_bytes(brokers: Brokers, topic: str, key: bytes, value: bytes, *names: bytes) -> None:
    """One message with headers whose names are any bytes, as clients in C or Go may send them.

    Python's clients send text only, so this asks the library below one of them."""
    library = _librdkafka()
    why = ctypes.create_string_buffer(512)
    settings = library.rd_kafka_conf_new()
    for name, setting in brokers.client.items():
        library.rd_kafka_conf_set(settings, name.encode(), setting.encode(), why, len(why))
    producer = library.rd_kafka_new(PRODUCER, settings, why, len(why))
    assert producer, why.value
    headers = library.rd_kafka_headers_new(ctypes.c_size_t(len(names)))
    for name in names:
        library.rd_kafka_header_add(headers, name, len(name), b"x", 1)
    text, pointer, kind, size = ctypes.c_char_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t
    failed = library.rd_kafka_producev(
        *(pointer(producer), kind(TOPIC), text(topic.encode()), kind(FLAGS), kind(COPY)),
        *(kind(VALUE), text(value), size(len(value)), kind(KEY), text(key), size(len(key))),
        *(kind(HEADERS), pointer(headers), kind(END)),
    )
    assert not failed, failed
    assert library.rd_kafka_flush(producer, 20_000) == 0
    library.rd_kafka_destroy(producer)


def _librdkafka() -> ctypes.CDLL:
    beside = Path(confluent_kafka.__file__).parents[1] / "confluent_kafka.libs"
    library = ctypes.CDLL(str(next(beside.glob("librdkafka*.so*"))))
    text, pointer, size = ctypes.c_char_p, ctypes.c_void_p, ctypes.c_ssize_t
    for name in ("conf_new", "new", "headers_new"):
        getattr(library, f"rd_kafka_{name}").restype = pointer
    library.rd_kafka_conf_set.argtypes = [pointer, text, text, text, size]
    library.rd_kafka_new.argtypes = [ctypes.c_int, pointer, text, size]
    library.rd_kafka_header_add.argtypes = [pointer, text, size, text, size]
    library.rd_kafka_flush.argtypes = [pointer, ctypes.c_int]
    library.rd_kafka_destroy.argtypes = [pointer]
    return library
