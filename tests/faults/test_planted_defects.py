"""The checkers work: every defect that is put into the line's own code is told by one of them.

A line in one process is told a story with every way that a page can go, its processes dying as
they do. Without a defect no checker says anything."""

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from infra import paths, ports
from infra.migrate import migrate
from infra.postgres import LocalPostgres
from tests.faults.checkers import sql_checker, standalone
from tests.faults.checkers.finding import Finding
from tests.faults.checkers.told import told_by
from tests.faults.planted.defects import DEFECTS
from tests.faults.planted.story import GOOD, NEXT, ODD, STOPPED, Story
from tests.faults.planted.world import World
from tests.support.invariants import Counts, counts_of
from tests.support.parts import without_fsync

NUMBERS = itertools.count()
FEWEST = 20
MakeWorld = Callable[[], World]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPostgres]:
    """A PostgreSQL with a migrated database, of which each world gets a copy."""
    home = paths.prepare_home(tmp_path_factory.mktemp("planted"))
    server = LocalPostgres(home, ports.choose(home)["postgres"])
    try:
        server.start()
        server.wait_ready()
        server.provision()
        without_fsync(server)
        migrate(server.dsn())
        yield server
    finally:
        server.stop()


@pytest.fixture
def world(
    database: LocalPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    """A line in one process, with a database of its own."""
    name = f"world_{next(NUMBERS)}"
    with psycopg.connect(database.dsn("postgres", "postgres"), autocommit=True) as conn:
        conn.execute(f"CREATE DATABASE {name} TEMPLATE copystand".encode())
    made = World(tmp_path, lambda role: database.dsn(role, name), monkeypatch)
    yield made
    made.close()
    with psycopg.connect(database.dsn("postgres", "postgres"), autocommit=True) as conn:
        conn.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def findings_on(world: World) -> list[Finding]:
    """What happens in the world, and what all checkers say then."""
    story = Story(world)
    story.tell()
    world.close()
    raws = world.broker.raws()
    found = standalone.check(raws, world.home, acknowledged=story.acknowledged)
    return [*found, *sql_checker.check(world.dsn("postgres")), *world.spy.findings]


def test_without_a_defect_nothing_is_found_whatever_dies(world: World):
    found = findings_on(world)

    assert [str(one) for one in found] == []
    batches = told_by(world.broker.raws(), world.home).batches
    assert counts_of(batches[GOOD]) == Counts(5, 5, 0, 0, 0)
    assert counts_of(batches[ODD]) == Counts(11, 6, 4, 1, 0)
    assert counts_of(batches[STOPPED]) == Counts(2, 0, 0, 2, 0)
    assert counts_of(batches[NEXT]) == Counts(4, 4, 0, 0, 0)
    assert [item.revision for item in batches[NEXT].items] == [2, 2]
    assert len(world.obituaries) >= 12


def _each(names: Iterable[str]) -> Iterator[Any]:
    """All of them; `make test` plants every third one, `make defects` the others too."""
    for number, name in enumerate(names):
        yield pytest.param(name, marks=[pytest.mark.long] if number % 3 else [])


@pytest.mark.parametrize("name", list(_each(sorted(DEFECTS))))
def test_a_planted_defect_is_told(
    name: str,
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    defect = DEFECTS[name]
    defect.plant(monkeypatch, world)

    found = findings_on(world)

    told = Counter(f"{one.checker} {one.rule}" for one in found)
    with capsys.disabled():
        print(f"\n{name}: {', '.join(f'{rule} ({n})' for rule, n in sorted(told.items()))}", end="")
    assert defect.rule in told, "\n".join(map(str, found[:20]))


def test_there_are_enough_defects_and_both_checkers_tell_some():
    told_by = Counter(defect.rule.split()[0] for defect in DEFECTS.values())

    assert len(DEFECTS) >= FEWEST
    assert min(told_by[name] for name in (standalone.CHECKER, sql_checker.CHECKER)) >= 5
