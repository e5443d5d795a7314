"""Two machines work on one batch, the objects in a bucket; either worker is killed (kill -9).

The second worker is another user's, in another home, and knows only the addresses of broker and
store. It is killed and never comes back: its share goes to the first when it has been silent for
too long. The first is killed too, and its supervisor brings it back."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import obstore
import pytest

from infra.kafka_access import login_file
from streams.storage.cache.ledger import Ledger
from streams.storage.s3 import connect
from tests.support import pages
from tests.support.invariants import Counts, counts
from tests.support.other_machine import OtherMachine
from tests.support.reader import facts_of
from tests.support.running_line import STEP_DONE, Line, wait_for
from tests.support.s3_store import S3Server
from tests.support.whole_log import read_when_quiet

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can start another user's"),
]

BATCH, PREFIX = "batch-1", "two-machines"
ITEMS, PAGES = 4, 11
KILL_OTHER_AFTER, KILL_FIRST_AFTER = 30, 80
"""After so many works, of some two hundred."""
PATIENCE_SECONDS = 120


@dataclass(frozen=True)
class Ran:
    """A line that has been through both kills."""

    line: Line
    other: OtherMachine
    folder: Path
    done_by_other: int


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory, s3_server: S3Server) -> Iterator[Ran]:
    home = tmp_path_factory.mktemp("two")
    folder = home / "delivery"
    for number in range(ITEMS):
        pages.write_item(folder / f"vol-{number}", PAGES, first=1 + number * PAGES)
    store = s3_server.environment(PREFIX) | {"COPYSTAND_SESSION_TIMEOUT": "10"}
    line = Line(home / "home", COPYSTAND_WORKER_ID="first", WORK_POOL_SIZE="2", **store)
    other: OtherMachine | None = None
    try:
        line.up()
        addresses = {"KAFKA_BROKERS": line.servers(), "WORK_POOL_SIZE": "2", **store}
        other = OtherMachine("other", addresses, login_file(line.home, "worker"))
        yield Ran(line, other, folder, kill_both(line, other, folder, s3_server))
    finally:
        line.down()
        if other is not None:
            other.remove()


def kill_both(line: Line, other: OtherMachine, folder: Path, server: S3Server) -> int:
    """Hand over, kill each worker at its moment, wait until all is settled."""
    store = connect(server.under(PREFIX))

    def works() -> int:
        return sum(len(some) for some in obstore.list(store, f"receipts/{BATCH}"))

    def state() -> str:
        return f"{works()} works\n{other.tail()}\n{line.logs()}"

    other.start()
    wait_for(other.ready, 30, other.tail)
    line.ask("station", "submit", folder, "--batch-id", BATCH)
    wait_for(lambda: works() >= KILL_OTHER_AFTER and other.done() > 3, PATIENCE_SECONDS, state)
    other.kill()
    done_by_other = other.done()
    wait_for(lambda: works() >= KILL_FIRST_AFTER, PATIENCE_SECONDS, state)
    line.kill("worker")
    line.wait_for_figures(BATCH, seconds=PATIENCE_SECONDS, state="settled")
    return done_by_other


def test_both_took_part_and_one_came_back(ran: Ran):
    log = (ran.line.home / "log" / "worker.log").read_text()

    assert ran.done_by_other > 3
    assert log.count(STEP_DONE) > ran.done_by_other
    assert ran.line.parts()["worker"]["restarts"] == 1


def test_the_killed_worker_left_no_process(ran: Ran):
    assert ran.other.processes() == []


def test_all_pages_arrive_each_in_one_package(ran: Ran, tmp_path: Path):
    delivered = [sha256(path.read_bytes()).digest() for path in ran.folder.rglob("*.tif")]
    packages = ran.line.ask("packages", "list")

    bags = [
        ran.line.ask("packages", "fetch", row["package_id"], tmp_path)["path"] for row in packages
    ]

    masters = [path for bag in bags for path in Path(bag, "data", "master").iterdir()]
    assert len(packages) == ITEMS
    assert Counter(sha256(path.read_bytes()).digest() for path in masters) == Counter(delivered)
    assert len(set(delivered)) == ITEMS * PAGES


def test_nothing_is_in_quarantine_and_the_log_is_complete(ran: Ran):
    raws, report = read_when_quiet(ran.line)

    assert ran.line.ask("quarantine", "list") == []
    assert report.faults() == []
    assert counts(raws, BATCH) == Counts(44, 44, 0, 0, 0)
    told = Counter(fact.record for fact in facts_of(raws).values())
    assert (told["PageAdmitted"], told["PageAcquired"], told["PageRecognized"]) == (44, 44, 44)
    assert (told["ItemCompleted"], told["PackagePublished"], told["BatchSettled"]) == (4, 4, 1)


def test_no_object_lies_in_either_home(ran: Ran):
    for home in (ran.line.home, ran.other.home):
        areas = ("staging", "masters", "derivatives", "packages", "receipts")
        assert [area for area in areas if (home / area).exists()] == []


def test_steps_find_in_the_cache_of_their_machine_what_it_stored(ran: Ran):
    first = ran.line.ask("status")["cache"]
    other = Ledger(ran.other.home / "cache" / "store" / "ledger").read()

    assert ran.line.ask("diagnose", "cache") == first
    assert other is not None
    assert first["hits"] > 0 < other.hits
    assert first["damaged"] == other.damaged == 0


def test_the_doctor_knows_the_store(ran: Ran):
    rows = {row["part"]: row for row in ran.line.run("doctor", "--json").document}

    assert rows["store"]["found"] is True
    assert rows["store"]["version"].startswith(f"s3://copystand-test/{PREFIX} at http://127.0.0.1")
