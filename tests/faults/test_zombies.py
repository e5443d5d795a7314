"""Worker, sealer and tracker sleep (SIGSTOP) until another has taken their place, and wake: what
they then do has no second effect.

The others are started by hand beside those of the supervisor: a second worker takes over a share, a
second sealer in a home of its own fences the first, a second tracker waits for the lock."""

import os
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
import pytest

from infra.kafka_access import login_file
from infra.processes import is_alive
from infra.topics import admin, end_offsets
from schemas.catalogue import AUDIT_PREMIS
from streams.runtime.lifecycle import ShutdownSignal
from streams.runtime.role_files import role_file
from streams.sealer.signing import KEY_FILE
from streams.settings import Settings
from streams.tracker.queries import query
from tests.support import pages
from tests.support.invariants import Counts, counts
from tests.support.reader import facts_of
from tests.support.running_line import COMMAND, STEP_DONE, Line, wait_for
from tests.support.whole_log import projected, read_when_quiet

BATCH, LATER = "batch-1", "batch-2"
ITEMS, LATER_ITEMS, PAGES = 3, 2, 8
PATIENCE_SECONDS = 60
SILENCE = {"COPYSTAND_SESSION_TIMEOUT": "6"}
LOOK_SECONDS = 2.0
HOLDERS = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted"
EPOCH = "SELECT epoch FROM line.active"


@dataclass
class Ran:
    """A line that has been through all three."""

    line: Line
    folder: Path
    second_worker: int = -1
    """Exit code, after it was told to end."""
    works_of_second: int = 0
    works_of_first_awake: int = 0
    second_sealer: int = -1
    sealed_by_second: int = 0
    second_tracker: int = -1
    epochs: list[int] = field(default_factory=list)
    """Before the second tracker, while it waited, when it had the lock, at the end."""
    tracker_restarts: int = 0


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    """Forty pages in two batches, with all three zombies while they run."""
    folder = tmp_path_factory.mktemp("zombies")
    for number in range(ITEMS):
        name = folder / "deliveries" / BATCH / f"vol-{number}"
        pages.write_item(name, PAGES, first=1 + number * PAGES)
    for number in range(ITEMS, ITEMS + LATER_ITEMS):
        name = folder / "deliveries" / LATER / f"vol-{number}"
        pages.write_item(name, PAGES, first=1 + number * PAGES)
    line = Line(folder / "home", **SILENCE)
    try:
        line.up()
        went = Ran(line, folder / "deliveries")
        line.ask("station", "submit", went.folder / BATCH, "--batch-id", BATCH)
        let_a_worker_sleep(went)
        line.ask("station", "submit", went.folder / LATER, "--batch-id", LATER)
        let_the_sealer_sleep(went)
        let_the_tracker_sleep(went)
        line.wait_for_figures(BATCH, LATER, seconds=PATIENCE_SECONDS, state="settled")
        line.wait_until_all_parts_are_ready()
        yield went
    finally:
        line.down()


@contextmanager
def beside(line: Line, role: str, **environment: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A role started by hand; its log is <role>-by-hand."""
    given = {**os.environ, **SILENCE, "COPYSTAND_HOME": str(line.home), **environment}
    with log_of(line, f"{role}-by-hand").open("ab") as sink:
        process = subprocess.Popen(
            [str(COMMAND), "run", role],
            env={"COPYSTAND_RETRY_SCALE": "0.05", **given},
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def log_of(line: Line, name: str) -> Path:
    return line.home / "log" / f"{name}.log"


def told(line: Line, name: str, words: str) -> int:
    """How often a log says something."""
    path = log_of(line, name)
    return path.read_text(errors="replace").count(words) if path.exists() else 0


def until(line: Line, condition: Any) -> None:
    wait_for(condition, PATIENCE_SECONDS, lambda: f"{line.parts()}\n{line.logs()}")


@contextmanager
def asleep(line: Line, role: str) -> Iterator[int]:
    """A role that is stopped in the middle of whatever it did; gives its pid."""
    pid = int(line.parts()[role]["pid"])
    os.kill(pid, signal.SIGSTOP)
    try:
        yield pid
    finally:
        os.kill(pid, signal.SIGCONT)


def let_a_worker_sleep(went: Ran) -> None:
    line = went.line
    until(line, lambda: told(line, "worker", STEP_DONE) > 8)
    with beside(line, "worker", COPYSTAND_WORKER_ID="second") as second:
        with asleep(line, "worker"):
            until(line, lambda: told(line, "worker-by-hand", STEP_DONE) > 5)
        awake = told(line, "worker", STEP_DONE)
        until(line, lambda: told(line, "worker", STEP_DONE) > awake)
        second.terminate()
        went.second_worker = second.wait(PATIENCE_SECONDS)
    went.works_of_second = told(line, "worker-by-hand", STEP_DONE)
    went.works_of_first_awake = told(line, "worker", STEP_DONE) - awake


def sealed(line: Line) -> int:
    """The offset after the last record of the sealed log: it grows with each transaction."""
    client, at = admin(line.kafka), (AUDIT_PREMIS.name, 0)
    return end_offsets(client, [at])[at]


def let_the_sealer_sleep(went: Ran) -> None:
    line = went.line
    restarts = line.parts()["sealer"]["restarts"]
    # As on another machine: a home has one sealed log, which one process writes. Only a sealer with
    # the same key is believed.
    other = went.folder.parent / "other"
    (other / "run").mkdir(parents=True)
    for name in ("ports.json", login_file(line.home, "sealer").name, KEY_FILE):
        shutil.copy(line.home / "run" / name, other / "run" / name)
    with beside(line, "sealer", COPYSTAND_HOME=str(other)) as second:
        with asleep(line, "sealer"):
            with_first = sealed(line)
            until(line, lambda: sealed(line) > with_first)
            went.sealed_by_second = sealed(line) - with_first
            # The projector takes only what a checkpoint of its own home covers.
            known = projected(line)
        until(line, lambda: line.parts()["sealer"]["restarts"] > restarts)
        went.second_sealer = second.wait(PATIENCE_SECONDS)
    until(line, lambda: projected(line) > known)


def let_the_tracker_sleep(went: Ran) -> None:
    line = went.line
    restarts = line.parts()["tracker"]["restarts"]
    with psycopg.connect(line.dsn(), autocommit=True) as database:

        def epoch() -> int:
            row = database.execute(EPOCH).fetchone()
            assert row is not None
            return int(row[0])

        def holders() -> list[int]:
            return [pid for (pid,) in database.execute(HOLDERS)]

        went.epochs.append(epoch())
        with beside(line, "tracker") as second:
            with asleep(line, "tracker"):
                first_holder = holders()
                # For as long as the sleeper's connection lives there is nothing to be taken over.
                time.sleep(LOOK_SECONDS)
                went.epochs.append(epoch())
                assert holders() == first_holder and second.poll() is None
                # As when the network between them was cut: the server has given the sleeper up.
                database.execute("SELECT pg_terminate_backend(%s)", first_holder)
                until(line, lambda: told(line, "tracker-by-hand", " tracker started ") == 1)
                went.epochs.append(epoch())
            until(line, lambda: line.parts()["tracker"]["restarts"] > restarts)
            second.terminate()
            went.second_tracker = second.wait(PATIENCE_SECONDS)
        line.wait_until_all_parts_are_ready()
        went.epochs.append(epoch())
    went.tracker_restarts = line.parts()["tracker"]["restarts"] - restarts


def test_a_second_worker_did_the_work_of_the_sleeper_and_both_went_on(ran: Ran):
    assert ran.works_of_second > 5
    assert ran.works_of_first_awake > 0
    assert ran.second_worker == 0
    assert ran.line.parts()["worker"]["restarts"] == 0, ran.line.logs(40)


def test_of_two_sealers_the_later_one_seals_and_the_earlier_one_ends(ran: Ran):
    assert ran.sealed_by_second > 0
    assert ran.second_sealer == 70
    for log in ("sealer", "sealer-by-hand"):
        assert told(ran.line, log, "another sealer has taken over") == 1


def test_a_second_tracker_waits_for_the_lock_and_the_sleeper_ends_on_waking(ran: Ran):
    before, waiting, taken, after = ran.epochs
    assert waiting == before
    assert (taken, after) == (before + 1, before + 2)
    assert ran.second_tracker == 0
    assert ran.tracker_restarts == 1


def test_the_lock_of_a_machine_that_is_gone_is_free_after_half_a_minute(ran: Ran):
    with psycopg.connect(ran.line.dsn("tracker"), autocommit=True) as tracker:
        tracker.execute(query("set_tcp_keepalives"))
        rows = [
            tracker.execute(f"SHOW tcp_keepalives_{name}".encode()).fetchone()
            for name in ("idle", "interval", "count")
        ]

    assert rows == [("10",), ("5",), ("4",)]


def test_all_pages_arrive_each_in_one_package(ran: Ran, tmp_path: Path):
    delivered = [sha256(path.read_bytes()).digest() for path in ran.folder.rglob("*.tif")]
    packages = ran.line.ask("packages", "list")

    bags = [
        ran.line.ask("packages", "fetch", row["package_id"], tmp_path)["path"] for row in packages
    ]

    masters = [path for bag in bags for path in Path(bag, "data", "master").iterdir()]
    assert len(packages) == ITEMS + LATER_ITEMS
    assert Counter(sha256(path.read_bytes()).digest() for path in masters) == Counter(delivered)
    assert ran.line.ask("quarantine", "list") == []


def test_the_log_is_complete_and_nothing_happened_twice(ran: Ran):
    raws, report = read_when_quiet(ran.line)

    assert report.faults() == []
    assert report.findings == []
    assert counts(raws, BATCH) == Counts(ITEMS * PAGES, ITEMS * PAGES, 0, 0, 0)
    assert counts(raws, LATER) == Counts(LATER_ITEMS * PAGES, LATER_ITEMS * PAGES, 0, 0, 0)
    times = Counter(fact.record for fact in facts_of(raws).values())
    number = (ITEMS + LATER_ITEMS) * PAGES
    assert {times[one] for one in ("PageAdmitted", "PageAcquired", "PageRecognized")} == {number}
    assert (times["ItemCompleted"], times["PackagePublished"], times["BatchSettled"]) == (5, 5, 2)


def test_a_role_started_by_hand_gives_no_sign_of_life_for_the_one_that_hangs(tmp_path: Path):
    settings = Settings.load({"COPYSTAND_HOME": str(tmp_path)})
    alive, who = (role_file(settings, "tracker", kind) for kind in ("alive", "json"))
    who.parent.mkdir(parents=True)
    supervised = subprocess.Popen(["sleep", "60"])
    who.write_text(f'{{"role": "tracker", "pid": {supervised.pid}}}')
    try:
        ShutdownSignal(settings, "tracker")
        assert not alive.exists()
    finally:
        supervised.kill()
        supervised.wait()

    assert not is_alive(supervised.pid)
    ShutdownSignal(settings, "tracker")
    assert alive.exists()
