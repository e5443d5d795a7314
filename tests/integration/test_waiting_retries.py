"""A hundred thousand retries in the outbox are not read before they are due, and keep their due
times over a restart."""

import time
import tracemalloc
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from streams.storage.memory import MemoryStorage
from streams.tracker.outbox_relay import LIMIT, Row, publish_due
from streams.tracker.process_manager import ProcessManager
from streams.tracker.queries import query
from streams.tracker.unit_of_work import Connection
from tests.core_machine.database import Databases
from tests.support.line_facts import Delivery, Log

WAITING = 100_000
VALUE = b"\0" * 500
FIRST_DUE = datetime(2099, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def database_name(databases: Databases) -> Iterator[str]:
    """A database with the retries in its outbox, one due each millisecond."""
    with databases.fresh() as name:
        with databases.connect(name) as conn, conn.cursor() as cursor:
            columns = "not_before, topic, key, value, page_id"
            with cursor.copy(f"COPY line.outbox ({columns}) FROM STDIN".encode()) as copy:
                for number in range(WAITING):
                    due = FIRST_DUE + timedelta(milliseconds=number)
                    page = f"page-{number}"
                    copy.write_row((due, "digitization.work.redone.text.v1", page, VALUE, page))
            conn.execute("ANALYZE line.outbox")
        yield name


@pytest.fixture
def conn(databases: Databases, database_name: str) -> Iterator[Connection]:
    with databases.connect(database_name) as conn:
        yield conn


class Sent:
    """Records what the relay sends, and its largest portion."""

    def __init__(self) -> None:
        self.keys: list[str | None] = []
        self.largest_portion = 0

    def __call__(self, rows: Sequence[Row]) -> bool:
        self.keys += [row[2] for row in rows]
        self.largest_portion = max(self.largest_portion, len(rows))
        return True


def rows_read(conn: Connection, query_name: str, **values: object) -> int:
    """The number of rows of the outbox that a query reads."""
    text = f"EXPLAIN (ANALYZE, FORMAT JSON) {query(query_name).as_string()}"
    found = conn.execute(text.encode(), values).fetchone()
    assert found is not None
    return _outbox_rows(found[0][0]["Plan"])


def _outbox_rows(plan: dict[str, object]) -> int:
    own = 0
    if plan.get("Relation Name") == "outbox":
        removed = plan.get("Rows Removed by Filter", 0)
        own = (int(plan["Actual Rows"]) + int(removed)) * int(plan["Actual Loops"])  # type: ignore[call-overload]
    return own + sum(_outbox_rows(one) for one in plan.get("Plans", ()))  # type: ignore[attr-defined]


def waiting(conn: Connection) -> tuple[int, datetime, datetime]:
    """The number of waiting retries, and the first and the last due time."""
    row = conn.execute(
        "SELECT count(*), min(not_before), max(not_before) FROM line.outbox WHERE not_before >= %s",
        [FIRST_DUE],
    ).fetchone()
    assert row is not None
    return row


def test_retries_that_are_not_due_are_not_read(conn: Connection):
    assert rows_read(conn, "due_messages", limit=LIMIT) == 0
    assert rows_read(conn, "seconds_to_next_due") <= 1


def test_the_relay_finds_due_messages_in_milliseconds(conn: Connection):
    publish_due(conn, Sent())
    took = []
    for _ in range(20):
        began = time.monotonic()
        assert publish_due(conn, Sent()) == 0
        took.append(time.monotonic() - began)

    # What other processes take from this one shows in some of them, a slow query in each.
    assert min(took) < 0.05


def test_decisions_are_sent_in_order_whatever_retries_wait(conn: Connection):
    sent = Sent()
    with conn.transaction(force_rollback=True):
        for key in ("first", "second"):
            put = "INSERT INTO line.outbox (topic, key, value) VALUES ('t', %s, 'x')"
            conn.execute(put, [key])
        publish_due(conn, sent)

    assert sent.keys == ["first", "second"]


def test_due_retries_are_sent_in_the_order_of_their_times_in_limited_portions(conn: Connection):
    sent, late = Sent(), WAITING // 10
    with conn.transaction(force_rollback=True):
        conn.execute(
            "UPDATE line.outbox SET not_before = not_before - interval '90 years'"
            " WHERE not_before < %s",
            [FIRST_DUE + timedelta(milliseconds=late)],
        )
        tracemalloc.start()
        while publish_due(conn, sent):
            pass
        _, peak_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert sent.keys == [f"page-{number}" for number in range(late)]
    assert sent.largest_portion <= LIMIT
    assert peak_bytes < 16 * 1024 * 1024


def test_a_transaction_of_the_tracker_does_not_read_waiting_retries(conn: Connection, tmp_path):
    storage, log = MemoryStorage(tmp_path), Log()
    manager, batch = ProcessManager(conn, storage, "1"), Delivery(storage, "b-1", {"vol-1": 1})
    manager.start()
    manager.process([])
    facts = [batch.received(), batch.accepted(), batch.registered("vol-1")]
    tracemalloc.start()
    took = []
    for fact in [*facts, batch.deferred("vol-1:0001", 1)]:
        began = time.monotonic()
        manager.process(log(fact))
        took.append(time.monotonic() - began)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert min(took) < 0.5
    assert peak_bytes < 8 * 1024 * 1024


def test_due_times_survive_a_restart_of_the_tracker_and_of_postgres(
    databases: Databases, database_name: str, tmp_path
):
    with databases.connect(database_name) as conn:
        before = waiting(conn)
        storage = MemoryStorage(tmp_path)
        ProcessManager(conn, storage, "1").take_over()

    databases.server.stop()
    databases.server.start()
    databases.server.wait_ready()

    with databases.connect(database_name) as conn:
        ProcessManager(conn, storage, "1").take_over()
        sent = Sent()
        publish_due(conn, sent)
        after = waiting(conn)
    assert not [key for key in sent.keys if (key or "").startswith("page-")]
    assert after == before == (WAITING, FIRST_DUE, FIRST_DUE + timedelta(milliseconds=WAITING - 1))
