"""The projector's reader of the sealed topic."""

import logging
from typing import cast

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from streams.projector.log_topic import commit_offset, is_end


class Notice:
    """What a consumer gives: a record, or a notice with a code."""

    def __init__(self, code: int | None) -> None:
        self._code = code

    def error(self) -> KafkaError | None:
        return None if self._code is None else KafkaError(self._code)


class BrokerAway:
    """A consumer whose broker does not answer."""

    def commit(self, offsets: list[TopicPartition], asynchronous: bool) -> None:
        raise KafkaException(KafkaError(KafkaError._TRANSPORT))


@pytest.mark.parametrize(
    ("code", "ends"),
    [(KafkaError._PARTITION_EOF, True), (KafkaError.OFFSET_OUT_OF_RANGE, False), (None, False)],
)
def test_only_the_notice_of_the_end_is_the_end(code: int | None, ends: bool):
    notice = cast(Message, Notice(code))

    assert is_end(notice) == ends


def test_an_offset_that_cannot_be_committed_is_reported_and_does_not_stop_the_projector(
    caplog: pytest.LogCaptureFixture,
):
    consumer = cast(Consumer, BrokerAway())

    with caplog.at_level(logging.WARNING):
        commit_offset(consumer, "digitization.audit.premis.v1", 5)

    assert [record.message for record in caplog.records] == ["offset not committed"]
