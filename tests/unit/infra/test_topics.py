"""What a cluster of several brokers answers while one of them has just started."""

import time
from types import SimpleNamespace

import pytest

from infra.topics import UnknownTopic, partition_counts


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
