"""A hundred thousand retries wait in the outbox: nobody reads them before they are due, and a restart
loses none of their times."""

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
from tests.core_machine.database import Databases, running_databases
from tests.support.line_facts import Delivery, Log

WAITING = 100_000
VALUE = b"\0" * 500
FIRST_DUE = datetime(2099, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    with running_databases(tmp_path_factory.mktemp("waiting")) as running:
        yield running


@pytest.fixture(scope="module")
def name(databases: Databases) -> Iterator[str]:
    """A database in whose outbox the retries wait, one each millisecond."""
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
def conn(databases: Databases, name: str) -> Iterator[Connection]:
    with databases.connect(name) as conn:
        yield conn


class Sent:
    """Takes what the relay sends, and remembers how much came at once."""

    def __init__(self) -> None:
        self.keys: list[str | None] = []
        self.most = 0

    def __call__(self, rows: Sequence[Row]) -> bool:
        self.keys += [row[2] for row in rows]
        self.most = max(self.most, len(rows))
        return True


def rows_read(conn: Connection, name: str, **values: object) -> int:
    """How many rows of the outbox PostgreSQL looks at for a query."""
    text = f"EXPLAIN (ANALYZE, FORMAT JSON) {query(name).as_string()}"
    found = conn.execute(text.encode(), values).fetchone()
    assert found is not None
    return _read(found[0][0]["Plan"])


def _read(plan: dict[str, object]) -> int:
    own = 0
    if plan.get("Relation Name") == "outbox":
        removed = plan.get("Rows Removed by Filter", 0)
        own = (int(plan["Actual Rows"]) + int(removed)) * int(plan["Actual Loops"])  # type: ignore[call-overload]
    return own + sum(_read(one) for one in plan.get("Plans", ()))  # type: ignore[attr-defined]


def waiting(conn: Connection) -> tuple[int, datetime, datetime]:
    row = conn.execute(
        "SELECT count(*), min(not_before), max(not_before) FROM line.outbox WHERE not_before >= %s",
        [FIRST_DUE],
    ).fetchone()
    assert row is not None
    return row


def test_what_is_not_due_is_not_read(conn: Connection):
    assert rows_read(conn, "due", limit=LIMIT) == 0
    assert rows_read(conn, "next_due") <= 1


def test_the_relay_looks_for_what_is_due_in_milliseconds(conn: Connection):
    publish_due(conn, Sent())
    began = time.monotonic()
    for _ in range(20):
        assert publish_due(conn, Sent()) == 0
    each = (time.monotonic() - began) / 20

    assert each < 0.05


def test_a_decision_goes_out_past_all_that_waits_and_in_order(conn: Connection):
    sent = Sent()
    with conn.transaction(force_rollback=True):
        for key in ("first", "second"):
            put = "INSERT INTO line.outbox (topic, key, value) VALUES ('t', %s, 'x')"
            conn.execute(put, [key])
        publish_due(conn, sent)

    assert sent.keys == ["first", "second"]


def test_all_that_fell_due_goes_out_in_the_order_of_its_times_in_bounded_portions(conn: Connection):
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
    assert sent.most <= LIMIT
    assert peak_bytes < 16 * 1024 * 1024


def test_a_turn_of_the_tracker_does_not_read_what_waits(conn: Connection, tmp_path):
    storage, log = MemoryStorage(tmp_path), Log()
    line, batch = ProcessManager(conn, storage, "1"), Delivery(storage, "b-1", {"vol-1": 1})
    line.open()
    line.take([])
    facts = [batch.received(), batch.accepted(), batch.registered("vol-1")]
    tracemalloc.start()
    began = time.monotonic()
    for fact in [*facts, batch.deferred("vol-1:0001", 1)]:
        line.take(log(fact))
    each = (time.monotonic() - began) / 4
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert each < 0.5
    assert peak_bytes < 8 * 1024 * 1024


def test_due_times_survive_a_restart_of_the_tracker_and_of_postgres(
    databases: Databases, name: str, tmp_path
):
    with databases.connect(name) as conn:
        before = waiting(conn)
        storage = MemoryStorage(tmp_path)
        ProcessManager(conn, storage, "1").fence()

    databases.server.stop()
    databases.server.start()
    databases.server.wait_ready()

    with databases.connect(name) as conn:
        ProcessManager(conn, storage, "1").fence()
        sent = Sent()
        publish_due(conn, sent)
        after = waiting(conn)
    assert not [key for key in sent.keys if (key or "").startswith("page-")]
    assert after == before == (WAITING, FIRST_DUE, FIRST_DUE + timedelta(milliseconds=WAITING - 1))
