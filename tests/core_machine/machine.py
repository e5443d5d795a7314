"""The state machine: external clients, steps, tracker and relay act in any order and may die."""

import logging
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from unittest import mock

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from schemas.catalogue import topic_of
from schemas.models import ControlDecided, PackagePublished, WorkQuarantined
from tests.core_machine.checks import (
    LogWatch,
    counts_add_up,
    log_is_complete,
    no_work_is_left,
    states,
    transitions_are_allowed,
)
from tests.core_machine.compare import (
    Request,
    comparable_facts,
    decisions_of,
    last_settlements,
    rows,
    same_facts,
    same_rows,
)
from tests.core_machine.database import Databases
from tests.core_machine.draws import seeds, submissions
from tests.core_machine.dying import Dies, TrackerDies
from tests.core_machine.outcomes import Submission
from tests.core_machine.world import World
from tests.support.tracker_tables import dump

MOST_BATCHES = 3
MOST_REQUESTS = 8
MOST_REBUILDS = 3


class CoreMachine(RuleBasedStateMachine):
    """One line, from its first batch until no work is left."""

    databases: Databases

    def __init__(self) -> None:
        super().__init__()
        logging.disable(logging.CRITICAL)
        self._folder = TemporaryDirectory(prefix="core-")
        # A driver that cannot continue ends its process, which would be this one.
        self._patch = mock.patch("streams.execution.driver.end_process", side_effect=AssertionError)
        self._patch.start()
        self.world = World(self.databases, Path(self._folder.name))
        self.watch = LogWatch(self.world.broker)
        self.submissions: list[Submission] = []
        self.requests: list[Request] = []
        self.answers: list[tuple[str, bool]] = []
        self.poison = self.rebuilds = 0
        self.pages = states(self.world.conn)
        self.due = self.waiting = 0
        """The number of due and of waiting rows in the outbox."""

    # External clients.

    @initialize(data=st.data())
    def first_batch(self, data: st.DataObject) -> None:
        self._submit(data)

    @precondition(lambda self: len(self.submissions) < MOST_BATCHES)
    @rule(data=st.data())
    def submit(self, data: st.DataObject) -> None:
        """A station submits another batch."""
        self._submit(data)

    def _submit(self, data: st.DataObject) -> None:
        submission = data.draw(submissions(len(self.submissions)), label="batch")
        self.submissions.append(submission)
        self.world.submit(submission)

    @precondition(lambda self: self.poison < 1)
    @rule(
        record=st.sampled_from(["BatchSubmitted", "PageAcquired", "WorkDeferred", "PageAdmitted"]),
        value=st.sampled_from([b"", b"\x01no fact", b"\x00\x00\x00\xff\xffxx"]),
    )
    def an_undecodable_message(self, record: str, value: bytes) -> None:
        """A client publishes bytes that are no fact."""
        self.poison += 1
        self.world.broker.append(topic_of(record).name, f"poison-{self.poison}", value)

    @precondition(lambda self: self.watch.of(PackagePublished) and len(self.answers) < 2)
    @rule(data=st.data(), accepted=st.booleans())
    def a_repository_answers(self, data: st.DataObject, accepted: bool) -> None:
        """A repository accepts or refuses a package."""
        packages = sorted({fact.package_id for fact in self.watch.of(PackagePublished)})
        package = data.draw(st.sampled_from(packages), label="package")
        if package not in dict(self.answers):
            self.answers.append((package, accepted))
            self.world.answer(package, accepted)

    # Requests of people.

    @precondition(lambda self: len(self.requests) < MOST_REQUESTS // 2)
    @rule(data=st.data(), action=st.sampled_from(["pause", "resume", "priority", "cancel"]))
    def request_about_a_batch(self, data: st.DataObject, action: str) -> None:
        """A person makes a request about a batch."""
        one = data.draw(st.sampled_from(self.submissions), label="batch")
        value = data.draw(st.sampled_from(["rush", "night"])) if action == "priority" else None
        self._request(action, f"batch:{one.batch_id}", value)

    @precondition(lambda self: len(self.requests) < MOST_REQUESTS and self._records())
    @rule(
        data=st.data(),
        action=st.sampled_from(["release", "release-with-file", "withdraw", "withdraw", "reject"]),
    )
    def request_about_a_record(self, data: st.DataObject, action: str) -> None:
        """A person decides about a quarantine record."""
        name = data.draw(st.sampled_from(self._records()), label="record")
        value = "corrected.tif" if action == "release-with-file" else None
        self._request(action.removesuffix("-with-file"), f"quarantine:{name}", value)

    def _records(self) -> list[str]:
        """Published open records. Those of pages are listed more often: more actions apply to them."""
        rows = self.world.conn.execute(
            "SELECT quarantine_id, page_id IS NOT NULL FROM line.quarantine"
            " WHERE state = 'open' ORDER BY 1"
        )
        known = {fact.head.event_id for fact in self.watch.of(WorkQuarantined)}
        return [name for name, of_page in rows if name in known for _ in range(4 if of_page else 1)]

    def _request(self, action: str, subject: str, value: str | None) -> None:
        number = len(self.requests)
        self.requests.append((number, action, subject, value))
        self.world.request(number, action, subject, value)

    # Router and worker.

    @precondition(lambda self: self.world.open())
    @rule(seed=seeds, most=st.integers(1, 8))
    def steps_work(self, seed: int, most: int) -> None:
        """Steps handle messages of any partition in any order."""
        chance = Random(seed)
        for _ in range(most):
            messages = self.world.open()
            if messages:
                self.world.deliver(*chance.choice(messages))

    @precondition(lambda self: self.world.open())
    @rule(seed=seeds, dies=st.sampled_from([one for one in Dies if one != Dies.NEVER]))
    def a_step_dies(self, seed: int, dies: Dies) -> None:
        """A process dies while it handles a message."""
        self.world.deliver(*Random(seed).choice(self.world.open()), dies)

    @precondition(lambda self: self.world.delivered_before())
    @rule(seed=seeds)
    def a_message_is_redelivered(self, seed: int) -> None:
        """A message that is done is delivered again."""
        self.world.deliver(*Random(seed).choice(self.world.delivered_before()))

    # The tracker.

    @precondition(lambda self: self.world.unread())
    @rule(seed=seeds, most=st.integers(1, 40), with_old=st.booleans())
    def tracker_works(self, seed: int, most: int, with_old: bool) -> None:
        """The tracker processes messages of its partitions."""
        self.world.track(most, Random(seed), with_old=with_old)

    @precondition(lambda self: self.world.unread())
    @rule(
        seed=seeds,
        most=st.integers(1, 40),
        dies=st.sampled_from([TrackerDies.BEFORE_COMMIT, TrackerDies.AFTER_COMMIT]),
    )
    def tracker_dies(self, seed: int, most: int, dies: TrackerDies) -> None:
        """The tracker dies while it processes messages, and another takes over."""
        self.world.track(most, Random(seed), dies)

    @precondition(lambda self: self.due)
    @rule()
    def relay_works(self) -> None:
        """The relay publishes what is due."""
        self.world.relay()

    @precondition(lambda self: self.due)
    @rule(dies_after=st.sampled_from([0, 1, 3, -1]))
    def relay_dies(self, dies_after: int) -> None:
        """The tracker dies while its relay publishes, or before it deletes what it has published."""
        self.world.relay(dies_after)

    @precondition(lambda self: self.waiting)
    @rule(most=st.integers(1, 5))
    def time_passes(self, most: int) -> None:
        """Some retries become due."""
        self.world.time_passes(most)

    @rule(seed=seeds, most=st.integers(1, 12))
    def work_without_faults(self, seed: int, most: int) -> None:
        """For some time there are no faults."""
        self.world.relay()
        self.world.track(100, Random(seed))
        self.world.relay()
        self.steps_work(seed, most)

    @precondition(lambda self: self.world.zombie)
    @rule()
    def a_zombie_wakes(self) -> None:
        """The previous tracker is still alive and continues."""
        assert self.world.zombie_is_refused()

    @precondition(lambda self: self.rebuilds < MOST_REBUILDS and self.pages)
    @rule(dies_after=st.sampled_from([None, None, 0, 1, 4]))
    def tables_are_rebuilt(self, dies_after: int | None) -> None:
        """The tables are rebuilt from the topics."""
        self.rebuilds += 1
        self.world.rebuild(dies_after)

    @precondition(lambda self: self.rebuilds < MOST_REBUILDS and self.pages)
    @rule(sent=st.sampled_from([None, 1, 3]))
    def database_is_lost(self, sent: int | None) -> None:
        """PostgreSQL is empty, perhaps after only a part of a decision was published."""
        self.rebuilds += 1
        if sent:
            self.world.relay(sent)
        self.world.lose_database()
        # Unpublished decisions are made again, perhaps later.
        self.pages = {page: (state, rev) for page, (state, rev) in self.pages.items() if rev < 0}

    # Invariants.

    @invariant()
    def invariants_hold(self) -> None:
        """The counts add up, transitions are allowed, and each event_id has one value."""
        counts_add_up(self.world.conn)
        pages = states(self.world.conn)
        transitions_are_allowed(self.pages, pages)
        self.pages = pages
        self.watch.check()
        self.due, self.waiting = self.world.outbox()
        assert self.world.unexpected == []

    def teardown(self) -> None:
        """Finish all work and check the result."""
        try:
            self._check_result()
        finally:
            self.world.close()
            self._patch.stop()
            self._folder.cleanup()
            logging.disable(logging.NOTSET)

    def _check_result(self) -> None:
        self._finish_all_work()
        no_work_is_left(self.world)
        log_is_complete(self.watch)
        before = dump(self.world.conn)
        self.world.rebuild()
        assert dump(self.world.conn) == before, "the rebuilt tables differ"
        self.world.drain()
        assert dump(self.world.conn) == before, "work was repeated after the rebuild"
        self.watch.check()
        self._compare_without_faults()

    def _finish_all_work(self) -> None:
        for one in self.submissions:
            self._request("resume", f"batch:{one.batch_id}", None)
        self.world.drain()
        self.invariants_hold()

    def _compare_without_faults(self) -> None:
        decisions = decisions_of(self.requests, self.watch)
        reference = World(self.databases, Path(self._folder.name))
        watch = LogWatch(reference.broker)
        try:
            self._run_without_faults(reference, decisions.to_repeat)
            watch.check()
            no_work_is_left(reference)
            refused = [fact for fact in watch.of(ControlDecided) if not fact.granted]
            assert refused == [], "granted with faults, refused without"
            same_facts(
                comparable_facts(self.world, self.watch, decisions),
                comparable_facts(reference, watch, decisions),
            )
            same_rows(rows(self.world, decisions), rows(reference, decisions))
            assert last_settlements(self.watch, decisions) == last_settlements(watch, decisions)
        finally:
            reference.close()

    def _run_without_faults(self, reference: World, decisions: list[Request]) -> None:
        for one in self.submissions:
            reference.submit(one)
        reference.drain()
        for request in decisions:
            reference.request(*request)
            reference.drain()
        for package, accepted in self.answers:
            reference.answer(package, accepted)
        reference.drain()
