"""A process manager on a database of its own, with what it read and what it would publish."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from infra.migrate import migrate
from schemas.catalogue import AUDIT_INTAKE, topic_of
from schemas.codec import decode
from schemas.models import Fact
from streams.kafka.messages import Incoming
from streams.storage.memory import MemoryStorage
from streams.tracker.process_manager import ProcessManager
from streams.tracker.rebuild import store_decided
from tests.support.line_facts import Log
from tests.support.parts import Parts

NUMBERS = itertools.count()
Connect = Callable[[], psycopg.Connection[Any]]


@pytest.fixture
def connect_tracker(parts: Parts) -> Iterator[Connect]:
    """Opens connections of the tracker to one new database."""
    name = f"line_{next(NUMBERS)}"
    with psycopg.connect(parts.dsn(), autocommit=True) as conn:
        conn.execute(f"CREATE DATABASE {name}".encode())
    migrate(parts.database.dsn("postgres", name))
    opened: list[psycopg.Connection[Any]] = []

    def connect() -> psycopg.Connection[Any]:
        opened.append(psycopg.connect(parts.database.dsn("tracker", name), autocommit=True))
        return opened[-1]

    yield connect
    for conn in opened:
        conn.close()
    with psycopg.connect(parts.dsn(), autocommit=True) as conn:
        conn.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
def storage(tmp_path: Path) -> MemoryStorage:
    """A store in memory."""
    return MemoryStorage(tmp_path)


class TrackerHarness:
    """An active process manager, its input, its outbox and its tables."""

    def __init__(self, connect: Connect, storage: MemoryStorage, pool_size: int = 1000) -> None:
        self.conn = connect()
        self.storage = storage
        self.manager = ProcessManager(self.conn, storage, "1", pool_size)
        self.manager.start()
        self.log = Log()

    def process(self, *facts: Fact) -> None:
        """Read these facts in one transaction."""
        self.manager.process(self.log(*facts))

    def outbox(self) -> list[Incoming]:
        """The messages in the outbox, as a consumer of their topics would read them."""
        rows = self.conn.execute("SELECT topic, key, headers, value FROM line.outbox ORDER BY id")
        offsets: dict[str, int] = {}
        messages = []
        for topic, key, headers, value in rows:
            offset = offsets[topic] = offsets.get(topic, -1) + 1
            named = {name: text.encode() for name, text in headers}
            messages.append(Incoming(topic, 0, offset, key.encode(), value, named))
        return messages

    def outbox_without_events(self) -> list[Incoming]:
        """The messages in the outbox but for the PREMIS events."""
        return [message for message in self.outbox() if message.topic != AUDIT_INTAKE.name]

    def published(self, kind: type[Fact]) -> list[Any]:
        """The facts of a record in the outbox, in order."""
        topic = topic_of(kind.__name__).name
        return [decode(message.value) for message in self.outbox() if message.topic == topic]

    def rebuild(self, published: list[Incoming], *portions: list[Incoming]) -> None:
        """Rebuild the tables from what was published, and from these portions of the input."""
        self.manager.begin_rebuild()
        store_decided(self.conn, published)
        for portion in portions:
            self.manager.process(portion, decide=False)
        self.manager.finish_rebuild()

    def counts(self, batch_id: str) -> dict[str, Any]:
        """The state of a batch and the counts of its pages."""
        columns = "state, registered, packaged, quarantined, cancelled, in_flight"
        row = self.conn.execute(
            f"SELECT {columns} FROM line.batch_status WHERE batch_id = %s".encode(), [batch_id]
        ).fetchone()
        assert row is not None
        return dict(zip(columns.split(", "), row, strict=True))

    def states(self, table: str, key: str) -> dict[str, str]:
        """The state of each row of a table, by its key."""
        return dict(self.conn.execute(f"SELECT {key}, state FROM line.{table}".encode()).fetchall())

    def counts_add_up(self) -> bool:
        """Whether every registered page is packaged, quarantined, cancelled or in flight."""
        wrong = self.conn.execute(
            "SELECT count(*) FROM line.batch_status"
            " WHERE registered <> packaged + quarantined + cancelled + in_flight"
        ).fetchone()
        return wrong == (0,)


@pytest.fixture
def tracker(connect_tracker: Connect, storage: MemoryStorage) -> TrackerHarness:
    """An active process manager with a large window."""
    return TrackerHarness(connect_tracker, storage)


def portions(messages: list[Incoming], size: int) -> list[list[Incoming]]:
    """The messages in portions of this size."""
    return [messages[start : start + size] for start in range(0, len(messages), size)]
