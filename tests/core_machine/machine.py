"""The state machine: strangers, steps, tracker and relay in any order, and any of them may die."""

import logging
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from unittest import mock

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from schemas.catalogue import topic_of
from schemas.models import ControlDecided, PackagePublished, WorkQuarantined
from streams.tracker.rebuild import dump
from tests.core_machine.checks import (
    LogWatch,
    law_is_kept,
    line_is_at_rest,
    log_is_complete,
    states,
    transitions_are_legal,
)
from tests.core_machine.compare import (
    Request,
    draws_of,
    last_settlements,
    rows,
    same_facts,
    same_rows,
    told,
)
from tests.core_machine.database import Databases
from tests.core_machine.draws import seeds, submissions
from tests.core_machine.dying import Dies, TrackerDies
from tests.core_machine.outcomes import Submission
from tests.core_machine.world import World

MOST_BATCHES = 3
MOST_REQUESTS = 8
MOST_REBUILDS = 3


class CoreMachine(RuleBasedStateMachine):
    """One line, from its first batch to its rest."""

    databases: Databases

    def __init__(self) -> None:
        super().__init__()
        logging.disable(logging.CRITICAL)
        self._folder = TemporaryDirectory(prefix="core-")
        # A driver that cannot go on ends its process, which would be this one.
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
        """Rows of the outbox that may go out now, and that may not."""

    # What comes from outside.

    @initialize(data=st.data())
    def first_batch(self, data: st.DataObject) -> None:
        self._submit(data)

    @precondition(lambda self: len(self.submissions) < MOST_BATCHES)
    @rule(data=st.data())
    def submit(self, data: st.DataObject) -> None:
        """Another batch comes."""
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
    def poison_comes(self, record: str, value: bytes) -> None:
        """Bytes that are no fact come to a topic."""
        self.poison += 1
        self.world.broker.append(topic_of(record).name, f"poison-{self.poison}", value)

    @precondition(lambda self: self.watch.of(PackagePublished) and len(self.answers) < 2)
    @rule(data=st.data(), accepted=st.booleans())
    def a_repository_answers(self, data: st.DataObject, accepted: bool) -> None:
        """A repository takes a package, or refuses it."""
        packages = sorted({fact.package_id for fact in self.watch.of(PackagePublished)})
        package = data.draw(st.sampled_from(packages), label="package")
        if package not in dict(self.answers):
            self.answers.append((package, accepted))
            self.world.answer(package, accepted)

    # What people ask for.

    @precondition(lambda self: len(self.requests) < MOST_REQUESTS // 2)
    @rule(
        data=st.data(),
        action=st.sampled_from(["pause", "resume", "priority", "cancel"]),
    )
    def ask_about_a_batch(self, data: st.DataObject, action: str) -> None:
        """A person asks something of a batch."""
        one = data.draw(st.sampled_from(self.submissions), label="batch")
        value = data.draw(st.sampled_from(["rush", "night"])) if action == "priority" else None
        self._ask(action, f"batch:{one.batch_id}", value)

    @precondition(lambda self: len(self.requests) < MOST_REQUESTS and self._records())
    @rule(
        data=st.data(),
        action=st.sampled_from(["release", "release-with-file", "withdraw", "withdraw", "reject"]),
    )
    def ask_about_a_record(self, data: st.DataObject, action: str) -> None:
        """A person decides about something in quarantine."""
        name = data.draw(st.sampled_from(self._records()), label="record")
        value = "corrected.tif" if action == "release-with-file" else None
        self._ask(action.removesuffix("-with-file"), f"quarantine:{name}", value)

    def _records(self) -> list[str]:
        """Open records that were told; those about pages oftener, since most can be done there."""
        rows = self.world.conn.execute(
            "SELECT quarantine_id, page_id IS NOT NULL FROM line.quarantine"
            " WHERE state = 'open' ORDER BY 1"
        )
        known = {fact.head.event_id for fact in self.watch.of(WorkQuarantined)}
        return [name for name, of_page in rows if name in known for _ in range(4 if of_page else 1)]

    def _ask(self, action: str, subject: str, value: str | None) -> None:
        number = len(self.requests)
        self.requests.append((number, action, subject, value))
        self.world.request(number, action, subject, value)

    # What the router and the worker do.

    @precondition(lambda self: self.world.open())
    @rule(seed=seeds, most=st.integers(1, 8))
    def steps_work(self, seed: int, most: int) -> None:
        """Steps take messages of any partition in any order."""
        chance = Random(seed)
        for _ in range(most):
            messages = self.world.open()
            if messages:
                self.world.deliver(*chance.choice(messages))

    @precondition(lambda self: self.world.open())
    @rule(seed=seeds, dies=st.sampled_from([one for one in Dies if one != Dies.NEVER]))
    def a_step_dies(self, seed: int, dies: Dies) -> None:
        """A process dies at some point of its work on a message."""
        self.world.deliver(*Random(seed).choice(self.world.open()), dies)

    @precondition(lambda self: self.world.read_before())
    @rule(seed=seeds)
    def a_message_comes_again(self, seed: int) -> None:
        """What was done and committed is delivered once more."""
        self.world.deliver(*Random(seed).choice(self.world.read_before()))

    # What the tracker does.

    @precondition(lambda self: self.world.unread())
    @rule(seed=seeds, most=st.integers(1, 40), with_old=st.booleans())
    def tracker_works(self, seed: int, most: int, with_old: bool) -> None:
        """The tracker takes what it finds in its partitions."""
        self.world.track(most, Random(seed), with_old=with_old)

    @precondition(lambda self: self.world.unread())
    @rule(
        seed=seeds,
        most=st.integers(1, 40),
        dies=st.sampled_from([TrackerDies.BEFORE_COMMIT, TrackerDies.AFTER_COMMIT]),
    )
    def tracker_dies(self, seed: int, most: int, dies: TrackerDies) -> None:
        """The tracker dies in a turn, and another takes over."""
        self.world.track(most, Random(seed), dies)

    @precondition(lambda self: self.due)
    @rule()
    def relay_works(self) -> None:
        """What is due goes out."""
        self.world.relay()

    @precondition(lambda self: self.due)
    @rule(dies_after=st.sampled_from([0, 1, 3, -1]))
    def relay_dies(self, dies_after: int) -> None:
        """The tracker dies while its relay sends, or before it drops what the broker has."""
        self.world.relay(dies_after)

    @precondition(lambda self: self.waiting)
    @rule(most=st.integers(1, 5))
    def time_passes(self, most: int) -> None:
        """Some retries fall due."""
        self.world.time_passes(most)

    @rule(seed=seeds, most=st.integers(1, 12))
    def all_goes_well(self, seed: int, most: int) -> None:
        """For a while nothing is amiss."""
        self.world.relay()
        self.world.track(100, Random(seed))
        self.world.relay()
        self.steps_work(seed, most)

    @precondition(lambda self: self.world.zombie)
    @rule()
    def a_zombie_wakes(self) -> None:
        """The tracker before this one was not dead after all."""
        assert self.world.zombie_is_refused()

    @precondition(lambda self: self.rebuilds < MOST_REBUILDS and self.pages)
    @rule(dies_after=st.sampled_from([None, None, 0, 1, 4]))
    def tables_are_rebuilt(self, dies_after: int | None) -> None:
        """The tables are made again from the topics."""
        self.rebuilds += 1
        self.world.rebuild(dies_after)

    @precondition(lambda self: self.rebuilds < MOST_REBUILDS and self.pages)
    @rule(sent=st.sampled_from([None, 1, 3]))
    def database_is_lost(self, sent: int | None) -> None:
        """PostgreSQL comes back empty, perhaps when only a part of a decision was told."""
        self.rebuilds += 1
        if sent:
            self.world.relay(sent)
        self.world.lose_database()
        # What was decided and never told is decided again, perhaps later.
        self.pages = {page: (state, rev) for page, (state, rev) in self.pages.items() if rev < 0}

    # What must hold.

    @invariant()
    def the_law_holds(self) -> None:
        """Law, transitions, one meaning for each event_id."""
        law_is_kept(self.world.conn)
        pages = states(self.world.conn)
        transitions_are_legal(self.pages, pages)
        self.pages = pages
        self.watch.look()
        self.due, self.waiting = self.world.outbox()
        assert self.world.faults == []

    def teardown(self) -> None:
        """Bring the line to rest and judge it; then end it."""
        try:
            self._judge()
        finally:
            self.world.close()
            self._patch.stop()
            self._folder.cleanup()
            logging.disable(logging.NOTSET)

    def _judge(self) -> None:
        self._come_to_rest()
        line_is_at_rest(self.world)
        log_is_complete(self.watch)
        before = dump(self.world.conn)
        self.world.rebuild()
        assert dump(self.world.conn) == before, "the rebuilt tables differ"
        self.world.drain()
        assert dump(self.world.conn) == before, "after the rebuild something was done again"
        self.watch.look()
        self._same_as_without_misfortunes()

    def _come_to_rest(self) -> None:
        for one in self.submissions:
            self._ask("resume", f"batch:{one.batch_id}", None)
        self.world.drain()
        self.the_law_holds()

    def _same_as_without_misfortunes(self) -> None:
        draws = draws_of(self.requests, self.watch)
        calm = World(self.databases, Path(self._folder.name))
        watch = LogWatch(calm.broker)
        try:
            self._live_calmly(calm, draws.again)
            watch.look()
            line_is_at_rest(calm)
            refused = [fact for fact in watch.of(ControlDecided) if not fact.granted]
            assert refused == [], "granted with misfortunes, refused without"
            same_facts(told(self.world, self.watch, draws), told(calm, watch, draws))
            same_rows(rows(self.world, draws), rows(calm, draws))
            assert last_settlements(self.watch, draws) == last_settlements(watch, draws)
        finally:
            calm.close()

    def _live_calmly(self, calm: World, decisions: list[Request]) -> None:
        for one in self.submissions:
            calm.submit(one)
        calm.drain()
        for request in decisions:
            calm.request(*request)
            calm.drain()
        for package, accepted in self.answers:
            calm.answer(package, accepted)
        calm.drain()
