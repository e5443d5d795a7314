"""Known ways in which Faust loses events: each shown on a real broker, and each prevented."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import faust
import pytest
from confluent_kafka import Producer, TopicPartition

from infra import ports
from infra.kafka_access import ADMIN, login_file
from infra.topics import (
    admin,
    committed_offsets,
    end_offsets,
    group_client,
    partition_counts,
    provision,
)
from processors.tools import Area
from schemas import ids
from schemas.catalogue import Topic, topic_of
from schemas.codec import decode, encode
from schemas.models import Record, WorkDeferred
from streams.router.faust_commit_guard import WrongFaust, install_commit_guard
from streams.storage.local import LocalStorage
from tests.support.audit_log import until
from tests.support.builders import a_submission
from tests.support.parts import Parts
from tests.support.reader import read_all

CHECKOUT = Path(__file__).resolve().parents[2]
SUBMITTED = topic_of("BatchSubmitted").name


@dataclass(frozen=True)
class Program:
    """A Faust program with its own topic and group."""

    parts: Parts
    folder: Path
    name: str
    app: str

    @contextmanager
    def running(self, *options: str) -> Iterator["subprocess.Popen[bytes]"]:
        """The program as a process, which is killed at the end."""
        command = [sys.executable, "-m", "tests.support.faust_program", self.app]
        command += ["--name", self.name, "--topic", self.name, "--kafka", str(self.parts.kafka)]
        command += ["--login", str(login_file(self.parts.home, ADMIN))]
        command += ["--folder", str(self.folder), "--web", str(ports.free_port(set())), *options]
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(command, cwd=CHECKOUT, stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()

    def lines(self, log: str) -> list[str]:
        """The lines that the program wrote to one of its logs."""
        path = self.folder / log
        return path.read_text().splitlines() if path.exists() else []

    def committed(self, topic: str = "", partition: int = 0) -> int:
        """The offset that its group has committed."""
        at = (topic or self.name, partition)
        client = admin(self.parts.kafka)
        return committed_offsets(client, self.name, [at]).get(at, 0)

    def wait(self, condition: Callable[[], bool], seconds: float = 25) -> None:
        """Wait, or fail with the state of the program."""
        until(condition, seconds, self.state)

    def state(self) -> str:
        """What the program wrote, what it committed, and the end of its log."""
        tail = (self.folder / "log").read_text(errors="replace")[-2000:]
        begun, done = self.lines("begun"), self.lines("done")
        return f"begun {begun[-40:]}, done {len(done)}, committed {self.committed()}; {tail}"


def a_program(parts: Parts, folder: Path, app: str) -> Program:
    """A program, its topic of one partition and its group, which starts at the beginning, and of
    submissions at the end: other tests submitted many."""
    name = f"guard.{uuid4().hex[:8]}"
    provision(parts.kafka, [Topic(name, None, "none", 1)], {name: [name]})
    client = admin(parts.kafka)
    partitions = [(SUBMITTED, n) for n in range(partition_counts(client, [SUBMITTED])[SUBMITTED])]
    starts = [TopicPartition(*at, end) for at, end in end_offsets(client, partitions).items()]
    with group_client(client, name) as consumer:
        consumer.commit(offsets=starts, asynchronous=False)
    return Program(parts, folder, name, app)


def produce(parts: Parts, topic: str, values: list[bytes], key: bytes | None = None) -> None:
    producer = Producer({**parts.kafka.client, "partitioner": "murmur2_random"})
    for value in values:
        producer.produce(topic, value, key=key)
    assert producer.flush(30) == 0


def produce_each_in_a_transaction(parts: Parts, topic: str, count: int) -> None:
    producer = Producer({**parts.kafka.client, "transactional.id": topic, "linger.ms": 0})
    producer.init_transactions(30)
    for number in range(count):
        producer.begin_transaction()
        producer.produce(topic, str(number).encode())
        producer.commit_transaction(30)


def test_f1_without_the_guard_faust_commits_past_an_unfinished_event(parts: Parts, tmp_path: Path):
    program = a_program(parts, tmp_path, "overlapping")
    produce(parts, program.name, overlapping_values())

    with program.running("--unguarded"):
        program.wait(lambda: program.committed() > 3)

    assert "slow" not in program.lines("done")


def test_f1_with_the_guard_a_killed_program_repeats_the_unfinished_event(
    parts: Parts, tmp_path: Path
):
    program = a_program(parts, tmp_path, "overlapping")
    values = overlapping_values()
    produce(parts, program.name, values)

    with program.running():
        program.wait(lambda: len(program.lines("done")) == len(values) - 1)
        program.wait(lambda: program.committed() == 3)
    (tmp_path / "gate").touch()
    with program.running():
        program.wait(lambda: program.committed() == len(values))

    assert set(program.lines("done")) == {value.decode() for value in values}


def overlapping_values() -> list[bytes]:
    """Forty events; the fourth is slow and the others overtake it."""
    return [b"slow" if number == 3 else f"event {number}".encode() for number in range(40)]


def test_f3_commits_reach_the_end_of_a_topic_with_transaction_markers(parts: Parts, tmp_path: Path):
    program, count = a_program(parts, tmp_path, "overlapping"), 150
    produce_each_in_a_transaction(parts, program.name, count)

    with program.running():
        program.wait(lambda: len(program.lines("done")) == count)
        # The last offset is the marker of the last transaction.
        program.wait(lambda: program.committed() >= 2 * count - 1, 10)

    assert program.lines("done") == [str(number) for number in range(count)]


def test_f2_a_step_that_raises_in_the_router_gives_a_deferral_and_loses_nothing(
    parts: Parts, tmp_path: Path
):
    program = a_program(parts, tmp_path, "routing")
    trap, after = (f"b-{uuid4().hex[:8]}" for _ in range(2))
    for batch_id in (trap, after):
        submit(parts, tmp_path, batch_id, key=program.name.encode())

    with program.running("--trap", trap, "--fault", "raise"):
        program.wait(lambda: bool(facts_of(parts, "BatchReceived", after)))

    (deferred,) = facts_of(parts, "WorkDeferred", trap)
    assert isinstance(deferred, WorkDeferred)
    assert (deferred.error_class, deferred.attempt) == ("unknown", 1)
    assert deferred.why == "RuntimeError: an unexpected fault"
    assert decode(deferred.value).head.batch_id == trap  # type: ignore[attr-defined]


def test_an_event_stays_uncommitted_when_its_driver_ends_the_process(parts: Parts, tmp_path: Path):
    program = a_program(parts, tmp_path, "routing")
    before, trap = (f"b-{uuid4().hex[:8]}" for _ in range(2))
    partition, offset = -1, -1
    for batch_id in (before, trap):
        partition, offset = submit(parts, tmp_path, batch_id, key=program.name.encode())

    with program.running("--trap", trap, "--fault", "exit") as process:
        assert process.wait(40) == 70, program.state()
    committed = program.committed(SUBMITTED, partition)
    with program.running():
        program.wait(lambda: bool(facts_of(parts, "BatchReceived", trap)))
        program.wait(lambda: program.committed(SUBMITTED, partition) == offset + 1)

    assert committed == offset
    assert program.lines("begun").count(trap) == 2
    assert len(facts_of(parts, "BatchReceived", before)) == 1


def submit(parts: Parts, folder: Path, batch_id: str, key: bytes) -> tuple[int, int]:
    """Publish a submission whose manifest is in the program's store; returns partition and offset.

    With the same key both submissions of a test are in the same partition."""
    digest = LocalStorage(folder).keep(
        batch_id.encode(), area=Area.STAGING, use="manifest", media_type="application/json"
    )
    batch = a_submission(batch_id, manifest_sha256=digest.sha256, files=(digest,))
    event_id = ids.make_id(batch_id, digest.sha256)
    batch = batch.model_copy(update={"head": batch.head.model_copy(update={"event_id": event_id})})
    stored_at: list[tuple[int, int]] = []
    producer = Producer({**parts.kafka.client, "partitioner": "murmur2_random"})
    producer.produce(
        SUBMITTED,
        encode(batch),
        key=key,
        on_delivery=lambda _, message: stored_at.append((message.partition(), message.offset())),
    )
    assert producer.flush(30) == 0
    return stored_at[0]


def facts_of(parts: Parts, record: str, batch_id: str) -> list[Record]:
    """The facts of one record type about a batch."""
    messages = read_all(parts.kafka, [topic_of(record).name])
    facts = [decode(message.value) for message in messages]
    return [fact for fact in facts if fact.head.batch_id == batch_id]  # type: ignore[attr-defined]


def test_the_guard_refuses_another_version_of_faust(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(faust, "__version__", "0.15.4")

    with pytest.raises(WrongFaust, match=r"fits faust-streaming 0\.15\.3, found 0\.15\.4"):
        install_commit_guard()
