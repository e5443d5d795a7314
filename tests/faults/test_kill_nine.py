"""Every part of a line is killed (kill -9) once while sixty pages run: all arrive, each once.

Router, worker, tracker, sealer, projector, watchdog, broker and PostgreSQL; nobody is told to end, and only
the supervisor of `up` brings them back. One run for all of them, since what they do to each other
while they come back is the point."""

import socket
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import psycopg
import pytest

from tests.support import pages
from tests.support.audit_log import fresh_projection
from tests.support.invariants import Counts, counts
from tests.support.reader import facts_of
from tests.support.running_line import Line, wait_for
from tests.support.tracker_tables import dump
from tests.support.whole_log import all_rows, projected, read_when_quiet

FIRST, SECOND = "batch-1", "batch-2"
ITEMS, PAGES = 5, 10
PATIENCE_SECONDS = 90
FILES_OF_A_PAGE = 5
KILLS = (
    (2, "router"),
    (6, "worker"),
    (10, "ingest"),
    (13, "tracker"),
    (21, "postgres"),
    (29, "kafka"),
    (34, "watchdog"),
    (38, "sealer"),
    (44, "projector"),
)
"""After so many pages have been read, which part is killed."""


@dataclass(frozen=True)
class Ran:
    """A line that has been through all of it."""

    line: Line
    folders: tuple[Path, Path]
    killed: dict[str, int]
    """Pid that each part had when it was killed."""
    ports: dict[str, int]
    """Where the line listened before."""


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    """Sixty pages in two batches, with all the kills while they run."""
    home = tmp_path_factory.mktemp("killed")
    first, second = home / "first", home / "second"
    for number in range(ITEMS):
        pages.write_item(first / f"vol-{number}", PAGES, first=1 + number * PAGES)
    pages.write_item(second / "vol-last", PAGES, first=1 + ITEMS * PAGES, record=pages.UNSTATED)
    line = Line(home / "home")
    try:
        line.up()
        ports = line.ports()
        yield Ran(line, (first, second), kill_each_once(line, first, second), ports)
    finally:
        line.down()


def kill_each_once(line: Line, first: Path, second: Path) -> dict[str, int]:
    """Hand over the first batch, kill each part at its moment, and wait until all is settled."""
    killed = {}
    line.ask("station", "submit", first, "--batch-id", FIRST)
    for after, part in KILLS:
        wait_for(
            lambda after=after: pages_read(line) >= after,  # type: ignore[misc]
            PATIENCE_SECONDS,
            lambda after=after: f"{pages_read(line)} of {after} pages read\n{line.logs()}",  # type: ignore[misc]
        )
        assert pages_read(line) < ITEMS * PAGES, f"all was done before the {part} was killed"
        killed[part] = line.kill(part)
        if part == "router":
            # Handed over while nobody stands at the front door.
            line.ask("station", "submit", second, "--batch-id", SECOND)
    line.wait_for_figures(FIRST, SECOND, seconds=PATIENCE_SECONDS, state="settled")
    line.wait_until_all_parts_are_ready()
    return killed


def pages_read(line: Line) -> int:
    """How many pages have their text, as the store shows; no part needs to be there to tell."""
    folder = line.home / "derivatives" / "sha256"
    return sum(1 for _ in folder.glob("*/*")) // FILES_OF_A_PAGE


def test_every_part_was_killed_and_came_back_on_its_port(ran: Ran):
    parts = ran.line.parts()

    assert set(ran.killed) == set(parts)
    assert ran.line.ports() == ran.ports
    for name in ("kafka", "postgres"):
        socket.create_connection(("127.0.0.1", ran.ports[name]), 5).close()
    for name, part in parts.items():
        assert part["state"] == "ready"
        assert part["pid"] != ran.killed[name]
        assert part["restarts"] >= 1


def test_all_pages_arrive_each_in_one_package(ran: Ran, tmp_path: Path):
    delivered = [sha256(p.read_bytes()).digest() for f in ran.folders for p in f.rglob("*.tif")]
    packages = ran.line.ask("packages", "list")

    bags = [
        ran.line.ask("packages", "fetch", row["package_id"], tmp_path)["path"] for row in packages
    ]

    masters = [path for bag in bags for path in Path(bag, "data", "master").iterdir()]
    texts = [path for bag in bags for path in Path(bag, "data", "text").glob("*.txt")]
    assert len(packages) == ITEMS + 1
    assert Counter(sha256(path.read_bytes()).digest() for path in masters) == Counter(delivered)
    assert len(set(delivered)) == len(delivered) == len(texts) == (ITEMS + 1) * PAGES


def test_nothing_is_in_quarantine(ran: Ran):
    assert ran.line.ask("quarantine", "list") == []


def test_the_log_is_complete_and_the_law_holds(ran: Ran):
    raws, report = read_when_quiet(ran.line)

    assert report.faults() == []
    assert report.findings == []
    assert counts(raws, FIRST) == Counts(50, 50, 0, 0, 0)
    assert counts(raws, SECOND) == Counts(10, 10, 0, 0, 0)
    told = Counter(fact.record for fact in facts_of(raws).values())
    assert (told["PageAdmitted"], told["PageAcquired"], told["PageRecognized"]) == (60, 60, 60)
    assert (told["ItemCompleted"], told["PackagePublished"], told["BatchSettled"]) == (6, 6, 2)


def test_the_rebuilt_tracker_equals_the_old_one(ran: Ran):
    _, before = read_when_quiet(ran.line)
    with psycopg.connect(ran.line.dsn("tracker"), autocommit=True) as connection:
        old = dump(connection)
        connection.execute("UPDATE line.active SET rebuilding = true")
        ran.line.kill("tracker")

        def rebuilt() -> bool:
            row = connection.execute("SELECT rebuilding FROM line.active").fetchone()
            return row == (False,)

        wait_for(rebuilt, 60, lambda: f"still rebuilding\n{ran.line.logs()}")
        ran.line.wait_until_all_parts_are_ready()
        new = dump(connection)

    assert new == old
    _, after = read_when_quiet(ran.line)
    assert (after.owed, after.sealed, after.faults()) == (before.owed, before.sealed, [])


def test_the_rebuilt_projection_equals_the_old_one(ran: Ran):
    read_when_quiet(ran.line)
    old = all_rows(ran.line)

    fresh_projection(ran.line.dsn())
    ran.line.kill("projector")

    wait_for(
        lambda: projected(ran.line) == len(old), 60, lambda: f"{projected(ran.line)} of {len(old)}"
    )
    assert all_rows(ran.line) == old


def test_it_drains_and_ends_as_if_nothing_had_been(ran: Ran):
    ran.line.ask("down", "--drain", "--timeout", "30")

    assert ran.line.run("status").code == 3
