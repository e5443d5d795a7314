"""A whole line in one thread: drivers of the router and the worker, the tracker, its relay, and the
ways in which their processes die."""

from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from processors.outcome import Done, Outcome
from processors.pipeline import ROUTER, Step, router_steps, worker_steps
from processors.tools import Tools
from schemas.catalogue import key_of, redone_topic, topic_of
from schemas.codec import encode
from schemas.models import Record
from streams.execution.driver import Driver
from streams.execution.facts import FactBuilder
from streams.execution.receipts import Receipts
from streams.kafka.messages import Incoming
from streams.topology import TRACKER_INPUTS
from streams.tracker.outbox_relay import publish_due
from streams.tracker.process_manager import ProcessManager, Superseded
from streams.tracker.rebuild import rebuild
from streams.tracker.unit_of_work import Connection
from tests.core_machine.broker import Broker, Group, MemoryReader
from tests.core_machine.database import Databases
from tests.core_machine.dying import (
    Crash,
    Dies,
    DyingLine,
    DyingPublisher,
    DyingStorage,
    TrackerDies,
)
from tests.core_machine.external_clients import a_request, an_answer
from tests.core_machine.outcomes import Fate, Submission
from tests.core_machine.steps import STAND_INS, submitted

FAR_AHEAD = datetime(2099, 1, 1, tzinfo=UTC)
"""Facts are dated so that no retry is due before `time_passes` says so."""
POOL_SIZE = 1


class World:
    """The line and all that it keeps: broker, store and tables outlive its processes."""

    def __init__(self, databases: Databases, folder: Path) -> None:
        self._databases = databases
        self._used = ExitStack()
        self.conn = self._empty_database()
        self.broker = Broker()
        self.storage = DyingStorage(folder)
        self.publisher = DyingPublisher(self.broker)
        self.fates: dict[tuple[str, str], Fate] = {}
        self.faults: list[str] = []
        """What a stand-in met and must never meet."""
        self._ticks = 0
        self._current: Incoming | None = None
        self._groups = self._all_groups()
        self._start_tracker()
        rebuild(self.line, MemoryReader(self.broker), outbox_lost=True)
        self.zombie: ProcessManager | None = None

    def now(self) -> datetime:
        """The clock of facts: each look at it finds it later."""
        self._ticks += 1
        return FAR_AHEAD + timedelta(milliseconds=self._ticks)

    # What strangers do.

    def submit(self, submission: Submission) -> None:
        """A station submits a batch."""
        for step, about, fate in submission.fates:
            self.fates[step, about] = fate
        for fact in submitted(submission, self.storage):
            self.publish(fact)

    def publish(self, fact: Record) -> None:
        """A stranger's fact comes to the broker."""
        self.broker.append(topic_of(type(fact).__name__).name, key_of(fact), encode(fact))

    def answer(self, package_id: str, accepted: bool) -> None:
        """A repository answers for a package."""
        self.publish(an_answer(package_id, accepted))

    def request(self, number: int, action: str, subject: str, value: str | None = None) -> None:
        """A person asks for something."""
        self.publish(a_request(number, action, subject, value))

    # The router and the worker.

    def open(self) -> list[tuple[str, Incoming]]:
        """All messages that some step may take now, with the name of its group."""
        return [(name, one) for name, (group, _) in self._groups.items() for one in group.open()]

    def read_before(self) -> list[tuple[str, Incoming]]:
        """All messages that could be delivered again."""
        return [
            (name, one) for name, (group, _) in self._groups.items() for one in group.read_before()
        ]

    def deliver(self, name: str, message: Incoming, dies: Dies = Dies.NEVER) -> None:
        """A step is given a message, perhaps again, and perhaps its process dies over it."""
        group, driver = self._groups[name]
        self._current, self.storage.dies = message, dies
        publish = {Dies.WHILE_PUBLISHING: 1, Dies.BEFORE_COMMIT: -1}
        self.publisher.dies_after = publish.get(dies)
        try:
            driver.handle(message, lambda: dies != Dies.REVOKED)
            if dies != Dies.REVOKED:
                group.done(message)  # it had no occasion to die, or something held its death up
        except Crash:
            self._lose_places(name)
        finally:
            self.storage.dies, self.publisher.dies_after = Dies.NEVER, None

    def _lose_places(self, name: str) -> None:
        """The process that died read this group; a worker reads those of all its steps."""
        for other, (group, _) in self._groups.items():
            if (other == ROUTER) == (name == ROUTER):
                group.forget_what_is_not_committed()

    def _all_groups(self) -> dict[str, tuple[Group, Driver]]:
        topics = tuple(dict.fromkeys(step.topic for step in router_steps()))
        groups = {ROUTER: self._group(router_steps(), (*topics, redone_topic("intake")))}
        for step in worker_steps():
            groups[step.name] = self._group((step,), (step.topic, redone_topic(step.lane)))
        return groups

    def _group(self, steps: Sequence[Step], topics: tuple[str, ...]) -> tuple[Group, Driver]:
        teller = FactBuilder(self.storage, "1", self.now)
        receipts = Receipts(self.storage)
        driver = Driver(steps, self._run, receipts, self.publisher, teller)
        return Group(self.broker, topics), driver

    def _run(self, step: Step, fact: Record) -> Outcome:
        message, head = self._current, fact.head  # type: ignore[attr-defined]
        assert message is not None
        about = head.page_id or head.item_id or head.batch_id
        fate = self.fates.get((step.name, about))
        if fate is not None:
            attempt = int(message.header("attempt") or 1)
            released = message.header("cause") is not None
            fault = fate.meets(attempt, released, head.revision)
            if fault is not None:
                return fault
        return self._done(step, fact)

    def _done(self, step: Step, fact: Record) -> Outcome:
        try:
            if step.name == ROUTER:
                return step.function(fact, Tools(storage=self.storage, scratch=Path()))
            outcome = STAND_INS[step.name](fact, self.storage)
        except Exception as wrong:
            self.faults.append(f"{step.name}: {wrong}")
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
        """The tracker takes what has come, at most so many messages, perhaps some of them again;
        returns how many were new."""
        messages = self._unread(most, chance, with_old)
        new = sum(map(self._is_new, messages))
        self.line.dies = dies == TrackerDies.BEFORE_COMMIT
        try:
            self.line.take(messages)
            if dies == TrackerDies.AFTER_COMMIT:
                raise Crash
        except Crash:
            self.restart_tracker()
        return new

    def _unread(self, most: int, chance: Random, with_old: bool) -> list[Incoming]:
        offsets = self.line.offsets(self.broker.places(TRACKER_INPUTS))
        left = {
            place: self.broker.partitions[place][max(0, offset - (3 if with_old else 0)) :]
            for place, offset in offsets.items()
        }
        found: list[Incoming] = []
        while len(found) < most:
            places = sorted(place for place, messages in left.items() if messages)
            if not places:
                break
            place = chance.choice(places)
            size = chance.randint(1, most - len(found))
            found += left[place][:size]
            left[place] = left[place][size:]
        return found

    def unread(self) -> bool:
        """Whether something came that the tracker has not taken."""
        offsets = self.line.offsets(self.broker.places(TRACKER_INPUTS))
        return any(len(self.broker.partitions[at]) > offset for at, offset in offsets.items())

    def outbox(self) -> tuple[int, int]:
        """How many messages may go out now, and how many wait."""
        row = self.conn.execute(
            "SELECT count(*) FILTER (WHERE not_before IS NULL OR not_before <= now()),"
            " count(*) FILTER (WHERE not_before > now()) FROM line.outbox"
        ).fetchone()
        assert row is not None
        return row[0], row[1]

    def _is_new(self, message: Incoming) -> bool:
        at = (message.topic, message.partition)
        return message.offset >= self.line.offsets([at])[at]

    def relay(self, dies_after: int | None = None) -> int:
        """What is due goes out; or the process dies after some messages, -1 for all, and the rows
        still stand."""
        self.publisher.dies_after = dies_after
        try:
            return publish_due(self.conn, self.publisher.send)
        except Crash:
            self.restart_tracker()
            return 0
        finally:
            self.publisher.dies_after = None

    def time_passes(self, most: int) -> None:
        """The retries that are due first are due now."""
        self.conn.execute(
            "UPDATE line.outbox SET not_before = '2020-01-01' WHERE id IN (SELECT id FROM line.outbox"
            " WHERE not_before IS NOT NULL ORDER BY not_before, id LIMIT %s)",
            [most],
        )

    def restart_tracker(self) -> None:
        """The tracker died; another takes over and the old one, should it still live, is a zombie."""
        self.zombie = self.line
        self._start_tracker()
        if self.line.rebuilding:
            rebuild(self.line, MemoryReader(self.broker), outbox_lost=True)

    def zombie_is_refused(self) -> bool:
        """Whether the tracker before this one can do no harm."""
        if self.zombie is None:
            return True
        zombie, self.zombie = self.zombie, None
        zombie.dies = False  # type: ignore[attr-defined]
        try:
            zombie.take([])
        except Superseded:
            return True
        return False

    def rebuild(self, dies_after: int | None = None) -> None:
        """The tables are dropped on purpose and made again from the topics; perhaps it dies over
        it, and the next tracker does it again."""
        while publish_due(self.conn, self.publisher.send):
            pass
        try:
            rebuild(self.line, MemoryReader(self.broker, dies_after=dies_after))
        except Crash:
            self.restart_tracker()

    def lose_database(self) -> None:
        """All rows of the tracker's are gone, also those of its outbox."""
        self.close()
        self.conn = self._empty_database()
        self.restart_tracker()
        self.zombie = None

    def close(self) -> None:
        """Give the database back."""
        self._used.close()

    def _empty_database(self) -> Connection:
        name = self._used.enter_context(self._databases.fresh())
        return self._used.enter_context(self._databases.connect(name))

    def _start_tracker(self) -> None:
        self.line = DyingLine(self.conn, self.storage, "1", POOL_SIZE)
        self.line.fence()

    # Rest.

    def drain(self, rounds: int = 300) -> None:
        """Do all there is to do, with time enough for every retry, until nothing moves."""
        chance = Random(0)
        for _ in range(rounds):
            moved = self.relay() + self.track(500, chance)
            for name, message in self.open():
                self.deliver(name, message)
                moved += 1
            if not moved:
                self.time_passes(1000)
                self.line.take([])  # what is due enters the window again in its batch's turn
                moved = self.relay()
            if not moved:
                return
        raise AssertionError(f"after {rounds} rounds the line is not at rest")
