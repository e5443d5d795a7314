"""A line in one thread: the drivers of router and worker, the tracker and its relay, whose processes
may die."""

from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from processors.outcome import Done, Outcome
from processors.pipeline import ROUTER, router_steps, worker_steps
from processors.step import Step
from processors.tools import Tools
from schemas.catalogue import key_of, redone_topic, topic_of
from schemas.codec import encode
from schemas.models import Fact, Message
from streams.execution.driver import Driver
from streams.execution.facts import FactBuilder
from streams.execution.receipts import Receipts
from streams.kafka.messages import Incoming
from streams.topology import TRACKER_INPUTS
from streams.tracker.outbox_relay import publish_due
from streams.tracker.process_manager import ProcessManager, Superseded
from streams.tracker.rebuild import rebuild
from tests.core_machine.broker import Broker, Group, MemoryReader
from tests.core_machine.database import Databases
from tests.core_machine.dying import (
    Crash,
    Dies,
    DyingConnection,
    DyingPublisher,
    DyingStorage,
    TrackerDies,
)
from tests.core_machine.external_clients import a_request, an_answer
from tests.core_machine.outcomes import DrawnOutcome, Submission
from tests.core_machine.steps import STAND_INS, messages_of_a_station

FAR_AHEAD = datetime(2099, 1, 1, tzinfo=UTC)
"""The time of facts. No retry is due before `time_passes`."""
POOL_SIZE = 1


class World:
    """The line. Its broker, store and tables outlive its processes."""

    def __init__(self, databases: Databases, folder: Path) -> None:
        self._databases = databases
        self._opened = ExitStack()
        self.conn = self._empty_database()
        self.broker = Broker()
        self.storage = DyingStorage(folder)
        self.publisher = DyingPublisher(self.broker)
        self.outcomes: dict[tuple[str, str], DrawnOutcome] = {}
        self.unexpected: list[str] = []
        """Unexpected failures of steps."""
        self._ticks = 0
        self._current: Incoming | None = None
        self._groups = self._all_groups()
        self._start_tracker()
        rebuild(self.manager, MemoryReader(self.broker), outbox_lost=True)
        self.zombie: ProcessManager | None = None

    def now(self) -> datetime:
        """The time of facts, later at each call."""
        self._ticks += 1
        return FAR_AHEAD + timedelta(milliseconds=self._ticks)

    # External clients.

    def submit(self, submission: Submission) -> None:
        """A station submits a batch."""
        for step, about, outcome in submission.outcomes:
            self.outcomes[step, about] = outcome
        for fact in messages_of_a_station(submission, self.storage):
            self.publish(fact)

    def publish(self, fact: Fact) -> None:
        """An external client publishes a fact."""
        self.broker.append(topic_of(type(fact).__name__).name, key_of(fact), encode(fact))

    def answer(self, package_id: str, accepted: bool) -> None:
        """A repository answers about a package."""
        self.publish(an_answer(package_id, accepted))

    def request(self, number: int, action: str, subject: str, value: str | None = None) -> None:
        """A person makes a request."""
        self.publish(a_request(number, action, subject, value))

    # The router and the worker.

    def open(self) -> list[tuple[str, Incoming]]:
        """The messages that may be handled now, each with the name of its group."""
        return [(name, one) for name, (group, _) in self._groups.items() for one in group.open()]

    def delivered_before(self) -> list[tuple[str, Incoming]]:
        """The messages that could be delivered again, each with the name of its group."""
        return [
            (name, one)
            for name, (group, _) in self._groups.items()
            for one in group.delivered_before()
        ]

    def deliver(self, name: str, message: Incoming, dies: Dies = Dies.NEVER) -> None:
        """Deliver a message to a step, whose process may die."""
        group, driver = self._groups[name]
        self._current, self.storage.dies = message, dies
        publish = {Dies.WHILE_PUBLISHING: 1, Dies.BEFORE_COMMIT: -1}
        self.publisher.dies_after = publish.get(dies)
        try:
            driver.handle(message, lambda: dies != Dies.REVOKED)
            if dies != Dies.REVOKED:
                group.ack(message)  # the process did not reach the point where it dies
        except Crash:
            self._lose_uncommitted(name)
        finally:
            self.storage.dies, self.publisher.dies_after = Dies.NEVER, None

    def _lose_uncommitted(self, name: str) -> None:
        """The process that read this group died; a worker reads the groups of all its steps."""
        for other, (group, _) in self._groups.items():
            if (other == ROUTER) == (name == ROUTER):
                group.lose_uncommitted()

    def _all_groups(self) -> dict[str, tuple[Group, Driver]]:
        topics = tuple(dict.fromkeys(step.topic for step in router_steps()))
        groups = {ROUTER: self._group(router_steps(), (*topics, redone_topic("intake")))}
        for step in worker_steps():
            groups[step.name] = self._group((step,), (step.topic, redone_topic(step.lane)))
        return groups

    def _group(self, steps: Sequence[Step], topics: tuple[str, ...]) -> tuple[Group, Driver]:
        facts = FactBuilder(self.storage, "1", self.now)
        receipts = Receipts(self.storage)
        driver = Driver(steps, self._run, receipts, self.publisher, facts)
        return Group(self.broker, topics), driver

    def _run(self, step: Step, fact: Message) -> Outcome:
        message, head = self._current, fact.head
        assert message is not None
        about = head.page_id or head.item_id or head.batch_id
        outcome = self.outcomes.get((step.name, about))
        if outcome is not None:
            attempt = int(message.header("attempt") or 1)
            released = message.header("cause") is not None
            failure = outcome.failure(attempt, released, head.revision)
            if failure is not None:
                return failure
        return self._done(step, fact)

    def _done(self, step: Step, fact: Message) -> Outcome:
        try:
            if step.name == ROUTER:
                return step.function(fact, Tools(storage=self.storage, scratch=Path()))
            outcome = STAND_INS[step.name](fact, self.storage)
        except Exception as failure:
            self.unexpected.append(f"{step.name}: {failure}")
            raise
        assert isinstance(outcome, Done)
        return outcome

    # The tracker and its relay.

    def track(
        self,
        most: int,
        chance: Random,
        dies: TrackerDies = TrackerDies.NEVER,
        with_old: bool = False,
    ) -> int:
        """Process at most `most` messages, perhaps with old ones; returns the number of new ones."""
        messages = self._unread(most, chance, with_old)
        offsets = self.manager.next_offsets([(one.topic, one.partition) for one in messages])
        new = sum(one.offset >= offsets[one.topic, one.partition] for one in messages)
        self.conn.dies = dies == TrackerDies.BEFORE_COMMIT
        try:
            self.manager.process(messages)
            if dies == TrackerDies.AFTER_COMMIT:
                raise Crash
        except Crash:
            self.conn.dies = False
            self.restart_tracker()
        return new

    def _unread(self, most: int, chance: Random, with_old: bool) -> list[Incoming]:
        offsets = self.manager.next_offsets(self.broker.partitions_of(TRACKER_INPUTS))
        left = {
            partition: self.broker.partitions[partition][max(0, offset - (3 if with_old else 0)) :]
            for partition, offset in offsets.items()
        }
        found: list[Incoming] = []
        while len(found) < most:
            unread = sorted(partition for partition, messages in left.items() if messages)
            if not unread:
                break
            partition = chance.choice(unread)
            size = chance.randint(1, most - len(found))
            found += left[partition][:size]
            left[partition] = left[partition][size:]
        return found

    def unread(self) -> bool:
        """Whether there are messages that the tracker has not processed."""
        return bool(self._unread(1, Random(0), with_old=False))

    def outbox(self) -> tuple[int, int]:
        """The number of due and of waiting messages."""
        row = self.conn.execute(
            "SELECT count(*) FILTER (WHERE not_before IS NULL OR not_before <= now()),"
            " count(*) FILTER (WHERE not_before > now()) FROM line.outbox"
        ).fetchone()
        assert row is not None
        return row[0], row[1]

    def relay(self, dies_after: int | None = None) -> int:
        """Publish what is due. The process may die after some messages (-1: all) and before it deletes
        their rows."""
        self.publisher.dies_after = dies_after
        try:
            return publish_due(self.conn, self.publisher.send)
        except Crash:
            self.restart_tracker()
            return 0
        finally:
            self.publisher.dies_after = None

    def time_passes(self, most: int) -> None:
        """Make the next retries due."""
        self.conn.execute(
            "UPDATE line.outbox SET not_before = '2020-01-01' WHERE id IN (SELECT id FROM line.outbox"
            " WHERE not_before IS NOT NULL ORDER BY not_before, id LIMIT %s)",
            [most],
        )

    def restart_tracker(self) -> None:
        """Another tracker takes over; the old one is a zombie if it is still alive."""
        self.zombie = self.manager
        self._start_tracker()
        if self.manager.rebuilding:
            rebuild(self.manager, MemoryReader(self.broker), outbox_lost=True)

    def zombie_is_refused(self) -> bool:
        """Whether the previous tracker fails without effect."""
        if self.zombie is None:
            return True
        zombie, self.zombie = self.zombie, None
        try:
            zombie.process([])
        except Superseded:
            return True
        return False

    def rebuild(self, dies_after: int | None = None) -> None:
        """Rebuild the tables from the topics. The tracker may die meanwhile, and the next one repeats
        the rebuild."""
        while publish_due(self.conn, self.publisher.send):
            pass
        try:
            rebuild(self.manager, MemoryReader(self.broker, dies_after=dies_after))
        except Crash:
            self.restart_tracker()

    def lose_database(self) -> None:
        """Lose all tables of the tracker, with its outbox."""
        self.close()
        self.conn = self._empty_database()
        self.restart_tracker()
        self.zombie = None

    def close(self) -> None:
        """Drop the database."""
        self._opened.close()

    def _empty_database(self) -> DyingConnection:
        name = self._opened.enter_context(self._databases.fresh())
        conn = DyingConnection.connect(self._databases.dsn(name), autocommit=True)
        return self._opened.enter_context(conn)

    def _start_tracker(self) -> None:
        self.manager = ProcessManager(self.conn, self.storage, "1", POOL_SIZE)
        self.manager.take_over()

    # All of them.

    def drain(self, rounds: int = 300) -> None:
        """Do all work, with enough time for every retry, until none is left."""
        chance = Random(0)
        for _ in range(rounds):
            done = self.relay() + self.track(500, chance)
            for name, message in self.open():
                self.deliver(name, message)
                done += 1
            if not done:
                self.time_passes(1000)
                self.manager.process([])  # due retries enter the window again
                done = self.relay()
            if not done:
                return
        raise AssertionError(f"work is left after {rounds} rounds")
