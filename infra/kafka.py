"""A local Kafka: one KRaft broker or several, which keep all their files in a home."""

import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaError, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from infra import class_archive, paths, ports, processes
from infra.files import write_atomic
from infra.kafka_access import ADMIN, Brokers, make_login
from infra.kafka_cluster import cluster_of
from infra.kafka_listeners import Network, listener_settings
from infra.kafka_storage import prepare_storage
from schemas.catalogue import READY

FIVE_YEARS_MINUTES = 5 * 365 * 24 * 60
LARGEST_MESSAGE = 1024 * 1024
HEAP_MB = 512
"""The largest heap; a JVM starts with half of it."""
JVM = (
    "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ssZ",
)  # fmt: skip
# Without callbacks: a client that calls into Python while the process ends would block it for ever.
QUIET: dict[str, Any] = {"log_level": 0}
SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": 1,
    "auto.create.topics.enable": "false",
    "group.initial.rebalance.delay.ms": 0,
    "group.max.session.timeout.ms": 1_800_000,
    "offsets.retention.minutes": FIVE_YEARS_MINUTES,
    "offsets.topic.num.partitions": 4,
    "offsets.topic.replication.factor": 1,
    "transaction.state.log.num.partitions": 4,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "share.coordinator.state.topic.num.partitions": 1,
    "share.coordinator.state.topic.replication.factor": 1,
    "share.coordinator.state.topic.min.isr": 1,
    "default.replication.factor": 1,
    "min.insync.replicas": 1,
    "message.max.bytes": LARGEST_MESSAGE,
    "log.retention.ms": -1,
    # After a kill -9 the old session of the broker must end before the broker can register again.
    "broker.session.timeout.ms": 3000,
    "broker.heartbeat.interval.ms": 500,
    # Small, since one machine runs everything: index files are mapped, the cleaner's map is heap.
    "log.index.size.max.bytes": 1024 * 1024,
    "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,
    "num.network.threads": 2,
    "num.io.threads": 4,
    "num.recovery.threads.per.data.dir": 2,
}
FLUSHED = {
    # A single broker acknowledges a record when it is on disk, its metadata and offsets included:
    # no other broker has a copy after a power cut. Producers send large batches for that.
    "log.flush.interval.messages": 1,
    # Flushes of different partitions share a commit of the file system's journal.
    "num.io.threads": 8,
}
"""The differences with one broker."""
REPLICATED = {
    "offsets.topic.replication.factor": 3,
    "transaction.state.log.replication.factor": 3,
    "transaction.state.log.min.isr": 2,
    "share.coordinator.state.topic.replication.factor": 3,
    "share.coordinator.state.topic.min.isr": 2,
    "default.replication.factor": 3,
    "min.insync.replicas": 2,
}
"""The differences with three brokers: each record is on all, and two must acknowledge it."""


class LocalKafka:
    """A broker with its controller: the only one of a home, or one of several nodes.

    Its data are in home/kafka and its log in home/log/kafka.log; node 2 uses home/kafka-2."""

    def __init__(
        self,
        home: Path,
        jars: Path,
        chosen: Mapping[str, int],
        node: int = 1,
        nodes: int = 1,
        network: Network | None = None,
        jvm: Sequence[str] | None = None,
        heap_mb: int = HEAP_MB,
    ) -> None:
        """A broker of this home, not started yet.

        `jvm` are options of its JVM instead of those that use the archive of classes."""
        self.home = home
        self.name = ports.broker_name(node)
        self.node, self.nodes = node, nodes
        self._ports, self._network = chosen, network
        self.port = ports.listen_port(chosen, self.name if nodes == 1 else f"{self.name}_peers")
        self.admin = Brokers(f"127.0.0.1:{self.port}", make_login(home, ADMIN))
        """How the supervisor connects; clients use Settings.kafka_as."""
        self.process: subprocess.Popen[bytes] | None = None
        self._jars = jars
        self.jvm = class_archive.use_of(jars) if jvm is None else jvm
        self._heap_mb = heap_mb
        self._data = home / self.name
        self._log = home / "log" / f"{self.name}.log"
        self._probe: ReadyProbe | None = None

    def start(self) -> "subprocess.Popen[bytes]":
        """Start the broker and do not wait for it. The first start formats the data folder."""
        (self.home / "run" / "tmp").mkdir(parents=True, exist_ok=True)
        self._data.mkdir(parents=True, exist_ok=True)
        prepare_storage(self._data, self._format_into, alone=self.nodes == 1)
        properties = self._write_properties(self._data / "data")
        command = [*self._java(self.jvm), "kafka.Kafka", str(properties)]
        self.process = processes.spawn(command, self._log)
        self._probe = ReadyProbe(self.admin, self.port)
        return self.process

    def ready(self) -> bool:
        """Whether the broker has acknowledged a message since its start; returns at once."""
        return self._probe is not None and self._probe.check()

    def wait_ready(self, timeout_seconds: float = 60) -> None:
        """Wait until the broker is ready. Raises RuntimeError with the end of its log."""
        deadline = time.monotonic() + timeout_seconds
        while not self.ready():
            ended = self.process is None or self.process.poll() is not None
            if ended or time.monotonic() > deadline:
                raise RuntimeError(f"Kafka is not ready; end of {self._log}:\n{tail(self._log)}")
            time.sleep(0.05)

    def stop(self, grace_seconds: float = 20) -> None:
        """Stop the broker and wait for its end."""
        self._probe = None
        if self.process is not None:
            processes.stop(self.process, signal.SIGTERM, grace_seconds)

    def _java(self, options: Sequence[str]) -> list[str]:
        temporary = f"-Djava.io.tmpdir={self.home / 'run' / 'tmp'}"
        heap = (f"-Xms{self._heap_mb // 2}m", f"-Xmx{self._heap_mb}m")
        return [paths.java_binary(), *heap, *JVM, *options, temporary, "-cp", f"{self._jars}/*"]

    def _write_properties(self, data: Path) -> Path:
        settings = SETTINGS | (REPLICATED if self.nodes > 1 else FLUSHED)
        settings |= listener_settings(self.home, self._ports, self.node, self.nodes, self._network)
        settings |= {"node.id": self.node, "log.dirs": str(data)}
        path = self._data / "server.properties"
        lines = "".join(f"{name}={value}\n" for name, value in settings.items())
        write_atomic(path, lines, mode=0o600)
        return path

    def _format_into(self, data: Path) -> None:
        properties, cluster = self._write_properties(data), cluster_of(self.home).id
        java = self._java(class_archive.use_of(self._jars))
        command = [*java, "kafka.tools.StorageTool", "format", "-t", cluster]
        done = subprocess.run(
            [*command, "-c", str(properties)],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        if done.returncode != 0:
            raise RuntimeError(
                f"the storage of Kafka cannot be formatted:\n{done.stdout}{done.stderr}"
            )


class ReadyProbe:
    """Sends one idempotent message to a starting broker, without blocking."""

    def __init__(self, brokers: Brokers, port: int) -> None:
        """A probe that has sent nothing yet."""
        self._brokers = brokers
        self._port = port
        self._done = False
        # Referenced here, since the calls of an unreferenced client fail.
        self._admin: AdminClient | None = None
        self._creation: Future[None] | None = None
        self._producer: Producer | None = None

    def check(self) -> bool:
        """Take the next step; returns whether the broker has acknowledged the message."""
        if not self._done and self._topic_exists():
            self._produce()
        return self._done

    def _topic_exists(self) -> bool:
        if self._admin is None:
            if not ports.accepts_connections(self._port):
                return False
            self._admin = AdminClient(
                QUIET | self._brokers.client | {"reconnect.backoff.max.ms": 200}
            )
        if self._creation is None:
            # The default number of replicas requires all brokers of the cluster.
            topic = NewTopic(READY.name, READY.partitions, config=dict(READY.config))
            self._creation = self._admin.create_topics([topic], request_timeout=10)[READY.name]
        if not self._creation.done():
            return False
        failure = self._creation.exception()
        if failure is None or "TOPIC_ALREADY_EXISTS" in str(failure):
            return True
        self._creation = None
        return False

    def _produce(self) -> None:
        if self._producer is None:
            self._producer = Producer(
                self._brokers.client
                | {
                    "enable.idempotence": True,
                    "reconnect.backoff.max.ms": 200,
                    "topic.metadata.refresh.fast.interval.ms": 100,
                    "message.timeout.ms": 0,
                    "linger.ms": 0,
                }
                | QUIET
            )
            self._producer.produce(READY.name, b"ready", on_delivery=self._delivered)
        self._producer.poll(0)
        if self._done:
            self._producer = self._admin = None

    def _delivered(self, error: KafkaError | None, message: object) -> None:
        self._done = error is None
        if error is not None:
            self._producer = None


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log file."""
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    except FileNotFoundError:
        return "(no log)"
