"""What a cluster of several brokers answers while one of them has just started."""

import time
from concurrent.futures import Future
from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaException, TopicPartition

from infra.topics import UnknownTopic, end_offsets, partition_counts, settled_end_offsets


class Cluster:
    """Answers metadata requests in turn; the last answer stays."""

    def __init__(self, *answers: dict[str, int]) -> None:
        self.answers = list(answers)

    def list_topics(self, timeout: float) -> SimpleNamespace:
        known = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        topics = {name: SimpleNamespace(partitions=range(count)) for name, count in known.items()}
        return SimpleNamespace(topics=topics)


def test_a_topic_that_the_first_broker_does_not_know_yet_is_counted():
    cluster = Cluster({"work": 12}, {"work": 12, "audit": 0}, {"work": 12, "audit": 1})
    assert partition_counts(cluster, ["work", "audit"]) == {"work": 12, "audit": 1}


def test_a_topic_that_no_broker_knows_is_named_in_time():
    began = time.monotonic()
    with pytest.raises(UnknownTopic, match=r"^the brokers know no topic audit$"):
        partition_counts(Cluster({"work": 12}), ["work", "audit"], patience_seconds=0.2)
    assert time.monotonic() - began < 2


class Ends:
    """Answers with these ends of partition 0 in turn; the last one stays."""

    def __init__(self, *ends: int) -> None:
        self.ends = list(ends)

    def list_offsets(self, wanted: dict[TopicPartition, object]) -> dict:
        end: Future = Future()
        end.set_result(SimpleNamespace(offset=self.ends.pop(0) if self.ends[1:] else self.ends[0]))
        return dict.fromkeys(wanted, end)


def test_an_answer_without_an_end_is_no_end_of_a_topic():
    with pytest.raises(KafkaException, match="no end of work 0"):
        end_offsets(Ends(-1001), [("work", 0)])


def test_an_end_is_asked_for_again_until_the_broker_of_the_partition_answers():
    assert settled_end_offsets(Ends(-1001, -1001, 7), [("work", 0)]) == {("work", 0): 7}
