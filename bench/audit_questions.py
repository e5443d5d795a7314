"""How long the commonest questions to the audit log take, compared with their bare SQL.

Run: python -m bench.audit_questions [--events 200000] [--rounds 1000] [--record]

Two million events: --events 2000000. The start of the command (Python imports) and the comparison
with the sealed log are not part of a question's time.
"""

import argparse
import gc
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from bench.audit_rows import BEGIN, PACE, fill, master_of, page_name
from bench.common import RESULTS, commit, machine
from infra import paths, ports
from infra.migrate import migrate
from infra.postgres import LocalPostgres
from streams.audit.event_search import Question, find_events, search_plan
from streams.audit.object_history import object_history
from streams.audit.queries import item_history, page_history
from streams.audit.standing import Connection, Standing, standing
from tests.faults.chaos import ledger

EVENTS_OF_A_PAGE = 10.1
GOAL = 1.5
HEAD = (
    "| date | commit | machine | events | question | rows | bare SQL p50, ms | p99, ms"
    " | question p50, ms | p99, ms | ratio p50 | ratio p99 |"
)
Ask = Callable[[Connection, Standing, int], object]


@dataclass
class Recorder:
    """The statements of one question, so that they can be repeated as they are."""

    statements: list[tuple[Any, Any]]

    def cursor(self) -> type[psycopg.Cursor[Any]]:
        """A cursor that keeps what it executes."""
        statements = self.statements

        class Recording(psycopg.Cursor[Any]):
            def execute(self, query: Any, params: Any = None, **more: Any) -> Any:
                statements.append((query, params))
                return super().execute(query, params, **more)

        return Recording


def questions() -> dict[str, Ask]:
    """The questions, each for the page of a number."""
    month = timedelta(days=31)
    return {
        "history of a page": lambda c, h, n: page_history(c, page_name(n)[2], h),
        "history of an item": lambda c, h, n: item_history(c, page_name(n)[1], h),
        "failures of a month": lambda c, h, n: find_events(
            c, Question(outcome="fai", since=BEGIN, until=BEGIN + month, limit=500), h
        ),
        "events of a person": lambda c, h, n: find_events(c, Question(agent=f"p-{n % 50}"), h),
        "history of a file": lambda c, h, n: object_history(c, master_of(n), h),
    }


def main() -> int:
    """Fill the tables and ask; exit code 1 if a question is slower than the goal."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--events", type=int, default=200_000)
    asked.add_argument("--rounds", type=int, default=1000)
    asked.add_argument("--dsn", help="a migrated database; it is filled if it has no events")
    asked.add_argument("--record", action="store_true", help="append to bench/results.md")
    given = asked.parse_args()
    place = nullcontext(given.dsn) if given.dsn else _database()
    with place as dsn, psycopg.connect(dsn, autocommit=True) as connection:
        began = time.monotonic()
        if standing(connection).last_seq < 0:
            fill(connection, given.events)
        print(f"filled in {time.monotonic() - began:.0f} s")
        print(_plan(connection, given.events))
        # A command answers one question, so that it never collects what its start has loaded.
        gc.collect()
        gc.freeze()
        print(HEAD)
        good = True
        for name, ask in questions().items():
            cells, ratio = _measure(connection, ask, given.events, given.rounds)
            begin = (datetime.now(UTC).date().isoformat(), commit(), machine(), given.events)
            row = "| " + " | ".join(map(str, (*begin, name, *cells))) + " |"
            print(row, flush=True)
            good = good and ratio <= GOAL
            if given.record:
                ledger.append_row(HEAD, row, RESULTS)
    return 0 if good else 1


@contextmanager
def _database() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        home = paths.prepare_home(Path(folder) / "home")
        server = LocalPostgres(home, ports.choose(home)["postgres"])
        server.start()
        try:
            server.wait_ready()
            server.provision()
            migrate(server.dsn())
            yield server.dsn()
        finally:
            server.stop()


def _plan(connection: Connection, events: int) -> str:
    """How the last day is searched."""
    since = BEGIN + PACE * events - timedelta(days=1)
    question = Question(event_type="quarantine", since=since)
    return search_plan(connection, question, standing(connection))


def _measure(
    connection: Connection, ask: Ask, events: int, rounds: int
) -> tuple[tuple[object, ...], float]:
    """Cells of the row, and the ratio of the slowest hundredth."""
    draw = random.Random(2)
    bare, full, rows = [], [], 0
    for _ in range(rounds):
        number = draw.randrange(int(events / EVENTS_OF_A_PAGE))
        recorder = Recorder([])
        holds = standing(connection)
        plain = connection.cursor_factory
        connection.cursor_factory = recorder.cursor()
        ask(connection, holds, number)
        connection.cursor_factory = plain
        # In turns, and after a first run, so that both find the same pages in memory.
        began = time.perf_counter()
        ask(connection, standing(connection), number)
        full.append(time.perf_counter() - began)
        began = time.perf_counter()
        rows = sum(len(connection.execute(*one).fetchall()) for one in recorder.statements)
        bare.append(time.perf_counter() - began)
    middle = _percentile(full, 0.5) / _percentile(bare, 0.5)
    ratio = _percentile(full, 0.99) / _percentile(bare, 0.99)
    figures = (_percentile(times, at) * 1000 for times in (bare, full) for at in (0.5, 0.99))
    return (rows, *(f"{one:.2f}" for one in figures), f"{middle:.2f}", f"{ratio:.2f}"), ratio


def _percentile(seconds: list[float], at: float) -> float:
    return sorted(seconds)[min(int(len(seconds) * at), len(seconds) - 1)]


if __name__ == "__main__":
    sys.exit(main())
