"""A Kafka broker as a child process, which never comes up without the metadata log that it had."""

import subprocess
from collections.abc import Mapping

from infra import paths, processes
from infra.disk import Space
from infra.kafka import LocalKafka
from infra.kafka_metadata import MetadataLog
from processors.error_catalogue import fix_of
from streams.runtime.logs import write_log_line
from streams.settings import Settings
from streams.supervisor.child_processes import ManagedProcess


def local_broker(
    settings: Settings, chosen: Mapping[str, int], node: int, nodes: int
) -> LocalKafka:
    """A broker of the home at the chosen ports, not started yet."""
    jars, heap_mb = paths.kafka_jars(), settings.kafka_heap_mb
    network = settings.network
    return LocalKafka(settings.home, jars, chosen, node, nodes, network, heap_mb=heap_mb)


class MetadataLost(Exception):
    """A broker has lost its metadata log; the text says how to recover it."""

    def __init__(self, broker: str, folder: object) -> None:
        code = "broker.metadata-lost"
        super().__init__(
            f"{code}: {broker} is not started, since {folder}/data/__cluster_metadata-0 is empty or"
            f" not the log of this home, and there is no copy. {fix_of(code, folder=folder)}"
        )


class BrokerProcess(ManagedProcess):
    """A broker of the local Kafka."""

    def __init__(self, kafka: LocalKafka, logs: Mapping[str, MetadataLog], floor: Space) -> None:
        """The process of this broker. `logs` are those of all brokers of the home by their names;
        its own is copied before each start, beside the floor."""
        super().__init__(kafka.name, kafka.home)
        self._kafka = kafka
        self._metadata = logs[kafka.name]
        self._others = [log for name, log in logs.items() if name != kafka.name]
        self._floor = floor
        self._had_metadata = False

    def tick(self) -> None:
        """As every process; a broker that loses its metadata log while it starts is killed."""
        if self.state == "starting" and self._had_metadata and self._metadata.is_lost():
            write_log_line(f"{self.name} has emptied its metadata log and is killed")
            assert self._process is not None
            processes.kill_group(self._process)
        super().tick()

    def launch(self) -> "subprocess.Popen[bytes]":
        """Start the broker. Raises MetadataLost; OSError without space for the copy of its log."""
        if self._metadata.is_lost() and self._metadata.restore():
            write_log_line(f"{self.name} gets its metadata log back from before its last start")
        self._had_metadata = not self._metadata.is_lost()
        if not self._had_metadata and not self._others_have_theirs():
            raise MetadataLost(self.name, self.home / self.name)
        self._metadata.keep(self._floor)
        return self._kafka.start()

    def is_ready(self) -> bool:
        """Whether it has acknowledged a record."""
        return self._kafka.ready()

    def stop(self, deadline: float) -> None:
        """Stop the broker, which has its own grace period to close its data."""
        self._kafka.stop()
        super().stop(deadline)

    def _others_have_theirs(self) -> bool:
        """Whether a majority of the brokers can give this one its log."""
        intact = sum(not log.is_lost() for log in self._others)
        return intact > (len(self._others) + 1) // 2
