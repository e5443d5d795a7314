"""Whether the projector has read a topic is asked again of a broker that has just started."""

from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from infra.kafka_access import Brokers
from streams.verification import topic_records
from streams.verification.topic_records import projector_has_read_all


class StartingBroker:
    """Gives an error code for the first questions about offsets, and an offset then."""

    def __init__(self, code: int, times: int, offset: int) -> None:
        self.code, self.left, self.offset = code, times, offset

    def get_watermark_offsets(self, *_: Any, **__: Any) -> tuple[int, int]:
        return 0, 10

    def committed(self, places: list[TopicPartition], **_: Any) -> list[TopicPartition]:
        if self.left:
            self.left -= 1
            raise KafkaException(KafkaError(self.code))
        places[0].offset = self.offset
        return places

    def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topic_records, "PAUSE_SECONDS", 0)


@pytest.mark.parametrize("code", topic_records.STARTING)
@pytest.mark.parametrize("offset", [9, 10])
def test_a_broker_that_has_just_started_is_asked_again(
    monkeypatch: pytest.MonkeyPatch, code: int, offset: int
):
    broker = StartingBroker(code, 3, offset)
    monkeypatch.setattr(topic_records, "Consumer", lambda _: broker)

    assert projector_has_read_all(Brokers("nowhere")) == (offset == 10)


def test_another_error_is_not_asked_again(monkeypatch: pytest.MonkeyPatch):
    broker = StartingBroker(KafkaError.GROUP_AUTHORIZATION_FAILED, 1, 10)
    monkeypatch.setattr(topic_records, "Consumer", lambda _: broker)

    with pytest.raises(KafkaException):
        projector_has_read_all(Brokers("nowhere"))
