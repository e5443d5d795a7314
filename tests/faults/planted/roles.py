"""The roles of the line in one process: the real driver, sources, tracker, relay, sealer and projector."""

import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from confluent_kafka import TopicPartition

from infra.kafka_access import Brokers
from processors.pipeline import Step, router_steps, worker_steps
from schemas.catalogue import AUDIT_INTAKE, AUDIT_PREMIS, redone_topic
from schemas.models import PremisEvent
from schemas.models import Producer as MadeBy
from streams.audit.signed_leaves import SignedLeaves
from streams.execution.driver import Driver
from streams.execution.facts import FactBuilder
from streams.execution.receipts import Receipts
from streams.kafka.consumer import Delivery, StepConsumer
from streams.kafka.messages import Incoming
from streams.kafka.producer import KafkaPublisher
from streams.projector import findings
from streams.projector.log_topic import log_consumer
from streams.projector.role import Projector
from streams.runtime.run_loop import CannotContinue
from streams.sealer import clients
from streams.sealer.clients import SealerTopics
from streams.sealer.event_index import EventIndex
from streams.sealer.log_requests import LogRequests
from streams.sealer.role import PRODUCER_NAME, Sealer, SealerAdapters
from streams.sealer.sealed_log import open_sealed_log
from streams.sealer.signing import FOLDER, KEY_FILE, SigningKeys, open_checkpoints
from streams.settings import software_version
from streams.storage.local import LocalStorage
from streams.topology import TRACKER_INPUTS
from streams.tracker.database import connect
from streams.tracker.outbox_relay import OutboxRelay
from streams.tracker.process_manager import ProcessManager
from tests.faults.planted.fate import (
    AT_ONCE,
    LOOK_EVERY_SECONDS,
    OUTAGE,
    PORTION,
    SURPRISE,
    WHOLE,
    ZOMBIE,
    Died,
)
from tests.support.reader import Raw

if TYPE_CHECKING:
    from tests.faults.planted.world import World


class Worker:
    """Router and worker in one: a consumer and a driver for each step."""

    def __init__(self, world: "World") -> None:
        self.world = world
        world.storage.sweep()
        self._publisher = KafkaPublisher(Brokers("memory"))
        self._producer: Any = self._publisher._producers[0]
        self._deliveries: list[Delivery] = []
        steps = [
            step for step in worker_steps() if not step.branch or step.name == "recognize_page"
        ]
        self._consumers = [self._consumer_of(router_steps())]
        self._consumers += [self._consumer_of((step,)) for step in steps]

    def _consumer_of(self, steps: tuple[Step, ...]) -> tuple[Driver, StepConsumer]:
        world = self.world
        storage = LocalStorage(world.home)
        driver = Driver(
            steps,
            world.steps.run,
            Receipts(storage),
            self._publisher,
            FactBuilder(storage, "1", retry_scale=0.0),
        )
        topics = [*(step.topic for step in steps), redone_topic(steps[0].lane)]
        consumer = StepConsumer(
            Brokers("memory"), steps[0].group, "w", topics, 256, self._deliveries.append
        )
        consumer._on_assign(consumer._consumer, [TopicPartition(topic, 0) for topic in topics])
        return driver, consumer

    def turn(self) -> None:
        for driver, consumer in self._consumers:
            for message in consumer._consumer.consume(AT_ONCE):
                consumer._accept(message)
            deliveries, self._deliveries[:] = self._deliveries[::-1], []
            for delivery in deliveries:
                if delivery.begin():
                    self._work(driver, delivery, alone=delivery is deliveries[-1])
                    delivery.ack()
                    consumer._commit(asynchronous=False)
                    if self._producer.dead:
                        raise Died("killed when it had gone on")
                    self.world.fate("committed")

    def _work(self, driver: Driver, delivery: Delivery, alone: bool) -> None:
        """Misfortunes that must not be forgotten meet work that is alone: what is committed behind
        it is not done again."""
        if alone and self.world.is_time("outage", OUTAGE):
            self._outage(driver, delivery)
        elif alone and self.world.is_time("surprise", SURPRISE):
            with self._surprised():
                driver.handle(delivery.message, delivery.still_ours)
        else:
            driver.handle(delivery.message, delivery.still_ours)
            self.world.fate("worked")

    @contextmanager
    def _surprised(self) -> Iterator[None]:
        """The client fails as nobody foresaw."""
        produce = self._producer.produce

        def failing(*args: Any, **named: Any) -> None:
            raise RuntimeError("nobody foresaw this")

        self._producer.produce = failing
        yield
        self._producer.produce = produce

    def _outage(self, driver: Driver, delivery: Delivery) -> None:
        """The broker takes nothing; the worker is killed while it waits, or after it went on."""
        broker, awaiting = self.world.broker, self.world.awaiting
        broker.away = True
        awaiting.clear()
        work = threading.Thread(target=driver.handle, args=(delivery.message, delivery.still_ours))
        work.start()
        while work.is_alive() and not awaiting.wait(LOOK_EVERY_SECONDS):
            pass
        went_on = not work.is_alive()
        self.kill()
        work.join()
        broker.away = False
        if not went_on:
            raise Died("killed while the broker was away")

    def kill(self) -> None:
        self._publisher._stop.set()
        self._producer.kill()
        for poller in self._publisher._pollers:
            poller.join()


class Tracker:
    """The tracker and its relay."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.conn = psycopg.connect(world.dsn("tracker"), autocommit=True)
        self.line = ProcessManager(self.conn, LocalStorage(world.home), "1", 4, 0.0)
        try:
            self.line.start()
            if self.line.rebuilding:
                self.line.finish_rebuild()
        except BaseException:
            self.conn.close()
            raise
        self._relay = OutboxRelay(partial(connect, world.dsn("tracker")), Brokers("memory"))
        self._fated(self.line, "_advance_offsets", self._before_the_commit)
        producer: Any = self._relay._producer
        self._fated(producer, "flush", lambda: producer.has_waiting and world.fate("relaying"))
        self._portion = WHOLE
        stands = self.line.next_offsets([(topic, 0) for topic in TRACKER_INPUTS])
        self._next = {topic: at for (topic, _), at in stands.items()}

    def _fated(self, thing: Any, name: str, before: Callable[[], object]) -> None:
        call = getattr(thing, name)

        def fated(*args: Any) -> Any:
            before()
            return call(*args)

        setattr(thing, name, fated)

    def _before_the_commit(self) -> None:
        """Dies in a set turn, and in the one that settles a batch for the second time."""
        self.world.fate("deciding")
        asked = "SELECT 1 FROM line.batches WHERE batch_id = %s AND settled AND settlements > 1"
        if self.conn.execute(asked, [self.world.settling]).fetchone():
            self.world.settling = ""
            self.world.down.add(Tracker)
            raise Died("while it settled a batch")

    def read(self) -> list[Incoming]:
        """What has come, of every topic in turn; a tracker that was away finds more of it."""
        topics = self.world.broker.topics
        new = [raw for topic, at in self._next.items() for raw in topics[topic][at:][:AT_ONCE]]
        most, self._portion = self._portion, PORTION
        for raw in new[:most]:
            self._next[raw.topic] = raw.offset + 1
        return [incoming(raw) for raw in new[:most]]

    def turn(self) -> None:
        while messages := self.read():
            self.line.process(messages)
            self.world.fate("decided")
            self._relay.drain(self.conn)
            self.world.fate("relayed")
        self.line.process([])
        self._relay.drain(self.conn)

    def kill(self) -> None:
        self.conn.close()


def _end_if(reason: str) -> None:
    """Nobody repairs the topic here, so that the sealer would wait for ever."""
    if reason:
        raise CannotContinue(reason)


class NoWitness:
    """Checkpoints are not published."""

    def publish(self, size: int, checkpoint: bytes, proofs: bytes) -> None:
        pass

    def close(self) -> None:
        pass


def _copy_key(run: Path, other: Path) -> None:
    other.mkdir(parents=True, exist_ok=True)
    shutil.copy(run / KEY_FILE, other / KEY_FILE)


class Sealing:
    """The sealer."""

    def __init__(self, world: "World", home: Path | None = None) -> None:
        """In a home of its own, with the same key, it is the sealer of another machine."""
        self.world, home = world, home or world.home
        if home != world.home:
            _copy_key(world.home / "run", home / "run")
        topics, folder = SealerTopics(), home / "audit"
        self._producer: Any = clients.transactional_producer(Brokers("memory"), topics)
        adapters = SealerAdapters(
            producer=self._producer,
            consumer=clients.intake_consumer(Brokers("memory"), topics),
            open_log=lambda: clients.log_consumer(Brokers("memory")),
            index=EventIndex(folder / "index.db"),
            sealed=open_sealed_log(folder / FOLDER),
            checkpoints=open_checkpoints(home, NoWitness()),
            keys=SigningKeys(home),
            requests=LogRequests(home),
            anomalies=folder / "anomalies",
            wait_for=_end_if,
        )
        made_by = MadeBy(name=PRODUCER_NAME, version=software_version())
        self.sealer = Sealer(adapters, topics, made_by, threading.Event())
        self.sealer.start()

    def turn(self) -> None:
        while messages := self.sealer.poll():
            if self.world.is_time("sealing", ZOMBIE):
                self._producer.before_commit = self._overtaken
            self.sealer.seal(messages)

    def _overtaken(self) -> None:
        """It was stopped before its commit; when it wakes, another has sealed the same."""
        self._producer.before_commit = lambda: None
        other = Sealing(self.world, self.world.home / "other-machine")
        other.turn()
        other.kill()

    def kill(self) -> None:
        self.sealer.close()


class Projection:
    """The projector."""

    def __init__(self, world: "World") -> None:
        self._conn = psycopg.connect(world.dsn("projector"), autocommit=True)
        made_by = MadeBy(name=findings.PRODUCER_NAME, version=software_version())
        self._projector = Projector(
            log_consumer(Brokers("memory")),
            SignedLeaves(world.home / "no log", AUDIT_PREMIS.name),
            _report,
            lambda _: None,
            made_by,
        )
        self._projector.resume(self._conn)

    def turn(self) -> None:
        while self._projector.step(self._conn):
            pass

    def kill(self) -> None:
        self._conn.close()


def _report(events: Sequence[PremisEvent]) -> None:
    """Publish the findings of the projector for the sealer."""
    publisher = KafkaPublisher(Brokers("memory"))
    publisher.publish(findings.messages(AUDIT_INTAKE.name, events))
    publisher.close()


def incoming(raw: Raw) -> Incoming:
    """A message as the roles read it."""
    headers = {name: value or b"" for name, value in raw.headers}
    return Incoming(raw.topic, raw.partition, raw.offset, raw.key, raw.value, headers)
