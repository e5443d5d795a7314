"""Invariants: after every step of the state machine, and once no work is left."""

from collections import Counter
from typing import Any

from processors.pipeline import facts_with_events
from processors.premis import events_of
from schemas.catalogue import AUDIT_INTAKE, REDONE, topic_of
from schemas.codec import Undecodable, decode
from schemas.models import Message, PremisEvent
from streams.tracker.unit_of_work import Connection
from tests.core_machine.broker import Broker
from tests.core_machine.world import World

REDONE_TOPICS = {topic.name for topic in REDONE}
OWING = {topic_of(fact.__name__).name for fact in facts_with_events()}

# Each count from the rows that cause the state of a page, not from the state itself.
COUNTS = """
SELECT s.batch_id, s.registered, s.packaged, s.quarantined, s.cancelled, s.in_flight,
    (SELECT count(*) FROM line.pages p JOIN line.items i USING (item_id)
        JOIN line.packages k ON k.item_id = i.item_id AND k.revision = i.revision
        WHERE p.batch_id = s.batch_id),
    (SELECT count(*) FROM line.pages p JOIN line.items i USING (item_id)
        WHERE p.batch_id = s.batch_id AND i.cancelled AND NOT EXISTS (SELECT FROM line.packages k
            WHERE k.item_id = i.item_id AND k.revision = i.revision))
        + (SELECT coalesce(sum(page_count), 0) FROM line.refused r
            WHERE r.batch_id = s.batch_id AND r.rejected),
    (SELECT count(*) FROM line.pages WHERE batch_id = s.batch_id AND state = 'quarantined')
        + (SELECT coalesce(sum(page_count), 0) FROM line.refused r
            WHERE r.batch_id = s.batch_id AND NOT r.rejected),
    (SELECT count(*) FROM line.pages
        WHERE batch_id = s.batch_id AND state IN ('registered', 'admitted', 'ended')),
    b.page_count - (SELECT coalesce(sum(page_count), 0) FROM line.items WHERE batch_id = s.batch_id)
        - (SELECT coalesce(sum(page_count), 0) FROM line.refused WHERE batch_id = s.batch_id),
    b.cancelled
FROM line.batch_status s JOIN line.batches b USING (batch_id) WHERE b.accepted_id IS NOT NULL
"""

ALLOWED = {
    "": {"registered", "admitted", "ended", "quarantined", "packaged", "cancelled"},
    "registered": {"admitted", "ended", "quarantined", "packaged", "cancelled"},
    "admitted": {"ended", "quarantined", "packaged", "cancelled"},
    "ended": {"quarantined", "packaged", "cancelled"},
    "quarantined": {"registered", "admitted", "ended", "packaged", "cancelled"},
    "packaged": set(),
    "cancelled": set(),
}
"""The states that may follow a state in one transaction; "" is before the registration."""
Pages = dict[str, tuple[str, int]]


def counts_add_up(conn: Connection) -> None:
    """Every page of every accepted batch is counted once, and each count equals an independent one."""
    for row in conn.execute(COUNTS):
        batch_id, registered, packaged, quarantined, cancelled, in_flight, *own = row
        own_packaged, own_cancelled, own_quarantined, own_in_flight, announced, is_cancelled = own
        assert registered == packaged + quarantined + cancelled + in_flight, row
        assert packaged == own_packaged, f"{batch_id}: packaged {row}"
        assert quarantined == own_quarantined, f"{batch_id}: quarantined {row}"
        assert cancelled == own_cancelled + (announced if is_cancelled else 0), f"{batch_id}: {row}"
        assert in_flight == own_in_flight + (0 if is_cancelled else announced), f"{batch_id}: {row}"


def states(conn: Connection) -> Pages:
    """The state and the revision of every page."""
    rows = conn.execute("SELECT page_id, state, revision FROM line.pages").fetchall()
    return {page_id: (state, revision) for page_id, state, revision in rows}


def transitions_are_allowed(before: Pages, after: Pages) -> None:
    """Every page is still there, in a state that may follow its last one, with no lower revision."""
    assert before.keys() <= after.keys(), f"lost: {sorted(before.keys() - after.keys())}"
    for page_id, (state, revision) in after.items():
        old, old_revision = before.get(page_id, ("", revision))
        assert revision >= old_revision, f"{page_id}: revision {old_revision} became {revision}"
        assert state == old or state in ALLOWED[old], f"{page_id}: {old} became {state}"


class LogWatch:
    """Reads the new messages of the broker at each call of `check`."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._read: Counter[tuple[str, int]] = Counter()
        self.bytes_of: dict[str, bytes] = {}
        self.facts: dict[str, tuple[str, Message]] = {}
        """Topic and fact by event_id."""

    def check(self) -> None:
        """Read the new messages; every event_id must always have the same bytes."""
        for partition, messages in self._broker.partitions.items():
            new = messages[self._read[partition] :]
            self._read[partition] = len(messages)
            if partition[0] not in REDONE_TOPICS:
                for message in new:
                    self._add(message.topic, message.value or b"")

    def _add(self, topic: str, value: bytes) -> None:
        try:
            fact = decode(value)
        except Undecodable:
            return
        event_id = fact.head.event_id
        first = self.bytes_of.setdefault(event_id, value)
        assert first == value, f"{topic}: {event_id} has two values"
        self.facts[event_id] = (topic, fact)

    def of(self, kind: type[Message]) -> list[Any]:
        """The facts of a record, each once."""
        return [fact for _, fact in self.facts.values() if isinstance(fact, kind)]


def log_is_complete(watch: LogWatch) -> None:
    """The log contains exactly the events that `events_of` derives from the facts."""
    owed = {
        event.head.event_id: event
        for topic, fact in watch.facts.values()
        if topic in OWING
        for event in events_of(fact)
    }
    logged = {
        event_id: fact
        for event_id, (topic, fact) in watch.facts.items()
        if topic == AUDIT_INTAKE.name and isinstance(fact, PremisEvent)
    }
    missing, surplus = owed.keys() - logged.keys(), logged.keys() - owed.keys()
    assert not missing, f"missing: {[(owed[one].fact, owed[one].detail) for one in missing]}"
    assert not surplus, f"surplus: {[(logged[one].fact, logged[one].detail) for one in surplus]}"
    assert owed == logged


def no_work_is_left(world: World) -> None:
    """No page is in flight, the outbox is empty, and no step has failed unexpectedly."""
    counts_add_up(world.conn)
    open_pages = world.conn.execute(
        "SELECT batch_id, state, in_flight FROM line.batch_status WHERE in_flight > 0"
    ).fetchall()
    assert open_pages == [], f"in flight: {open_pages} {states(world.conn)}"
    unsettled = world.conn.execute(
        "SELECT batch_id, state FROM line.batch_status"
        " WHERE state NOT IN ('settled', 'cancelled', 'quarantined')"
    ).fetchall()
    assert unsettled == []
    assert world.conn.execute("SELECT count(*) FROM line.outbox").fetchone() == (0,)
    assert world.unexpected == []
