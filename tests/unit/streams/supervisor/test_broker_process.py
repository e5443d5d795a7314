"""A broker never comes up without the metadata log that it had."""

import subprocess
from pathlib import Path

import pytest

from infra.disk import NOTHING
from infra.kafka import LocalKafka
from infra.kafka_metadata import FIRST, HEAD_BYTES, MetadataLog
from streams.supervisor.broker_process import BrokerProcess, MetadataLost

HEAD = b"the log of this home".ljust(HEAD_BYTES, b".")
NAMES = ("kafka", "kafka-2", "kafka-3")


class FakeKafka(LocalKafka):
    """A process that does nothing, in place of a broker."""

    def __init__(self, home: Path) -> None:
        self.home, self.name = home, "kafka"
        self.started = 0

    def start(self) -> "subprocess.Popen[bytes]":
        """Start it."""
        self.started += 1
        return subprocess.Popen(["sleep", "60"], start_new_session=True)

    def ready(self) -> bool:
        """Never ready."""
        return False

    def stop(self, grace_seconds: float = 20) -> None:
        """Leave it to be killed."""


def a_broker(home: Path, *names: str) -> tuple[BrokerProcess, FakeKafka]:
    """The first of these brokers, which have their logs."""
    for name in names:
        log = home / name / "data" / "__cluster_metadata-0"
        log.mkdir(parents=True)
        (log / FIRST).write_bytes(HEAD)
        MetadataLog(home / name).record()
    kafka = FakeKafka(home)
    logs = {name: MetadataLog(home / name) for name in names}
    return BrokerProcess(kafka, logs, NOTHING), kafka


def lose(home: Path, name: str = "kafka") -> None:
    (home / name / "data" / "__cluster_metadata-0" / FIRST).write_bytes(b"")


def test_a_broker_that_empties_its_log_while_it_starts_is_killed_and_gets_it_back(tmp_path: Path):
    broker, kafka = a_broker(tmp_path, "kafka")
    broker.tick()
    lose(tmp_path)

    broker.tick()
    killed = broker.pid
    broker._not_before = 0.0
    broker.tick()
    log = tmp_path / "kafka" / "data" / "__cluster_metadata-0" / FIRST
    restored = log.read_bytes()
    broker.stop(0)

    assert (killed, kafka.started, restored) == (None, 2, HEAD)


def test_a_broker_that_lost_its_log_and_has_no_copy_is_not_started(tmp_path: Path):
    broker, kafka = a_broker(tmp_path, "kafka")
    lose(tmp_path)

    with pytest.raises(MetadataLost, match=r"broker\.metadata-lost: kafka is not started"):
        broker.tick()

    assert kafka.started == 0


def test_one_of_three_brokers_is_started_without_its_log_and_gets_it_from_the_others(
    tmp_path: Path,
):
    broker, kafka = a_broker(tmp_path, *NAMES)
    lose(tmp_path)

    broker.tick()
    broker.tick()
    running = broker.pid is not None
    broker.stop(0)

    assert (running, kafka.started) == (True, 1)


def test_one_of_three_brokers_is_not_started_when_another_lost_its_log_too(tmp_path: Path):
    broker, kafka = a_broker(tmp_path, *NAMES)
    lose(tmp_path)
    lose(tmp_path, "kafka-3")

    with pytest.raises(MetadataLost):
        broker.tick()

    assert kafka.started == 0
