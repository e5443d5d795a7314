"""The one disk of a whole line is full: brokers, database, store and logs. Each time the broker and the
database are killed while it is. With space back the line goes on by itself, and nothing is lost.

Kafka empties its metadata log when it starts on a full disk, and all topics are gone. So a supervisor that
restarted what was killed would lose the line in each of these cases. `make test` fills the disk by bytes;
`make fulldisk` also by inodes, by a delivery and by a log."""

import json
import os
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.support import pages
from tests.support.invariants import Counts, counts
from tests.support.running_line import Answer, Line, wait_for
from tests.support.small_disk import SmallDisk, small_disk
from tests.support.whole_log import read_when_quiet

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a disk")

DISK_BYTES, DISK_INODES = 900 << 20, 14_000
PAGES = 4
PATIENCE_SECONDS = 150
STOPPED = ("postgres", "kafka", "router", "worker", "tracker", "sealer", "projector")
BATCHES = ("bytes", "inodes", "submit", "log")
RESERVE_BYTES = 256_000_000
"""The default of COPYSTAND_RESERVE_MB."""


class FullDisk:
    """A line on a small disk, and what its tests do with it."""

    def __init__(self, disk: SmallDisk, line: Line, folder: Path) -> None:
        self.disk, self.line, self._folder = disk, line, folder
        self.delivered: set[str] = set()

    def delivery(self, batch_id: str) -> Path:
        """A folder of pages outside of the small disk."""
        folder = self._folder / batch_id
        self.delivered.add(batch_id)
        if not folder.exists():
            first = 1 + PAGES * BATCHES.index(batch_id)
            pages.write_item(folder / f"vol-{batch_id}", PAGES, first=first)
        return folder

    def submit(self, batch_id: str) -> Answer:
        """Submit a delivery; the answer of the command."""
        return self.line.run(
            "station", "submit", self.delivery(batch_id), "--batch-id", batch_id, "--json"
        )

    def kill_servers(self) -> None:
        """kill -9 of the broker and the database, whether or not they are being stopped."""
        for part in ("kafka", "postgres"):
            if (pid := self.line.parts()[part]["pid"]) is not None:
                os.kill(pid, signal.SIGKILL)

    def state(self) -> dict[str, Any]:
        """What the supervisor wrote last."""
        text = (self.line.home / "run" / "supervisor.json").read_text()
        found: dict[str, Any] = json.loads(text)
        return found

    def wait_until_stopped(self) -> None:
        """Wait until the line has stopped for lack of space, all of it but the watchdog."""

        def stopped() -> bool:
            state = self.state()
            states = {state["parts"][name]["state"] for name in STOPPED}
            return state["phase"] == "no-space" and states == {"stopped"}

        wait_for(stopped, 60, lambda: f"{self.state()}\n{self.line.logs()}")

    def wait_until_settled(self, batch_id: str) -> None:
        """Wait until all pages of a batch are packaged."""
        wait_for(
            lambda: self.line.figures(batch_id).get("packaged") == PAGES,
            PATIENCE_SECONDS,
            lambda: f"{self.line.figures(batch_id)} {self.state()}\n{self.line.logs()}",
        )

    def ready(self) -> tuple[int, dict[str, str]]:
        """The code of /health/ready and its faults."""
        url = f"http://127.0.0.1:{self.line.ports()['health']}/health/ready"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return answer.status, json.load(answer)["faults"]
        except urllib.error.HTTPError as refused:
            return refused.code, json.load(refused)["faults"]

    @contextmanager
    def waiting(self, batch_id: str) -> Iterator["subprocess.Popen[str]"]:
        """A station that submits a delivery and waits for its end."""
        words = ("station", "submit", self.delivery(batch_id), "--batch-id", batch_id, "--wait")
        client = self.line.background(*words, stderr=subprocess.PIPE)
        try:
            yield client
        finally:
            client.kill()
            client.communicate()

    def servers(self) -> list[str]:
        """The commands of all brokers and databases of this home that run."""
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                found.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        home = str(self.line.home)
        kinds = (f"kafka.Kafka {home}", f"-D {home}")
        return [text for text in found if any(kind in text for kind in kinds)]


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FullDisk]:
    """A line with all its files on one small disk."""
    folder = tmp_path_factory.mktemp("full")
    with small_disk(folder, DISK_BYTES, DISK_INODES) as disk:
        line = Line(disk.mounted / "home")
        try:
            line.up()
            yield FullDisk(disk, line, folder)
        finally:
            disk.empty()
            line.down()


def test_full_by_bytes(full: FullDisk):
    with full.waiting("bytes") as client:
        wait_for(lambda: full.line.figures("bytes").get("registered") == PAGES, 60, full.line.logs)
        full.disk.fill_bytes()
        full.kill_servers()
        full.wait_until_stopped()
        status, up, (code, faults) = full.line.run("status"), full.line.run("up"), full.ready()
        servers = full.servers()
        full.disk.empty()
        full.wait_until_settled("bytes")
        _, waited = client.communicate(timeout=30)

    disk = str(full.disk.mounted)
    assert servers == []
    assert status.code == 3
    assert f"stopped for lack of disk space: {disk} has " in " ".join(status.stdout.split())
    assert (up.code, "disk.below-floor" in up.stderr) == (3, True)
    assert "starts by itself when there is space" in " ".join(up.stderr.split())
    assert code == 503
    assert f"{disk} has " in faults["space"] and " needed" in faults["space"]
    assert client.returncode == 0
    assert f"Waiting: the line is stopped for lack of disk space: {disk} has " in waited


@pytest.mark.long
def test_full_by_inodes(full: FullDisk):
    full.line.wait_until_all_parts_are_ready(PATIENCE_SECONDS)
    full.submit("inodes")

    full.disk.fill_inodes()
    full.kill_servers()
    full.wait_until_stopped()
    servers, state = full.servers(), full.state()
    full.disk.empty()
    full.wait_until_settled("inodes")

    assert servers == []
    assert " inodes needed" in state["space"][str(full.disk.mounted)]


@pytest.mark.long
def test_full_by_submit_alone(full: FullDisk):
    full.line.wait_until_all_parts_are_ready(PATIENCE_SECONDS)
    size = sum(path.stat().st_size for path in full.delivery("submit").rglob("*.tif"))
    full.disk.fill_bytes(left_bytes=RESERVE_BYTES + size)
    staged = sorted((full.line.home / "staging").rglob("*"))

    refused = full.submit("submit")
    full.kill_servers()
    after = sorted((full.line.home / "staging").rglob("*"))
    full.line.wait_until_all_parts_are_ready(PATIENCE_SECONDS)
    full.disk.empty()
    accepted = full.submit("submit")
    full.wait_until_settled("submit")

    error = " ".join(refused.stderr.split())
    assert refused.code == 3
    assert (
        "disk.no-space: " in error and "submit with " in error and "a reserve of 256.0 MB" in error
    )
    assert f"Free space on {full.disk.mounted}" in error
    assert after == staged
    assert accepted.code == 0


@pytest.mark.long
def test_work_waits_above_the_floor_and_status_says_so(full: FullDisk):
    full.line.wait_until_all_parts_are_ready(PATIENCE_SECONDS)
    full.disk.fill_bytes(left_bytes=RESERVE_BYTES + (20 << 20))
    accepted = full.submit("log")
    full.disk.fill_bytes(left_bytes=RESERVE_BYTES - (10 << 20))

    def space() -> str:
        return str(full.line.ask("status")["checks"].get("space", ""))

    wait_for(lambda: "free space" in space(), 30, lambda: str(full.line.ask("status")))

    assert accepted.code == 0
    assert full.state()["phase"] == "ready"
    assert full.ready()[0] == 503
    assert full.line.ask("quarantine", "list") == []


@pytest.mark.long
def test_full_by_a_log_that_grows(full: FullDisk):
    full.disk.empty()

    with full.disk.growing_log(full.disk.mounted / "other.log"):
        wait_for(lambda: full.state()["phase"] == "no-space", 60, full.line.logs)
        full.kill_servers()
        full.wait_until_stopped()
        servers, free = full.servers(), full.disk.free_bytes
    full.wait_until_settled("log")

    assert servers == []
    assert free < 64_000_000


def test_nothing_is_lost_and_the_log_is_complete(full: FullDisk):
    full.line.wait_until_all_parts_are_ready(PATIENCE_SECONDS)
    raws, report = read_when_quiet(full.line)

    data = full.line.home / "kafka" / "data"
    assert report.faults() == []
    assert report.findings == []
    assert len(full.delivered) > 0
    for batch_id in full.delivered:
        assert counts(raws, batch_id) == Counts(PAGES, PAGES, 0, 0, 0)
    assert len(full.line.ask("packages", "list")) == len(full.delivered)
    assert full.line.ask("quarantine", "list") == []
    assert list(data.glob("*-stray")) == []
    assert len(list((full.line.home / "ballast").iterdir())) > 0


def test_a_first_start_on_a_full_disk_creates_nothing_and_says_why(full: FullDisk):
    full.disk.fill_bytes(left_bytes=100 << 20)
    other = Line(full.disk.mounted / "other")

    refused = other.run("up")

    assert refused.code == 3
    assert "disk.below-floor: " in refused.stderr
    assert "was not created" in " ".join(refused.stderr.split())
    assert not other.home.exists()
    full.disk.empty()


def test_a_broker_that_emptied_its_metadata_log_gets_it_back(full: FullDisk):
    full.line.down()
    log = full.line.home / "kafka" / "data" / "__cluster_metadata-0" / f"{0:020}.log"
    os.truncate(log, 0)

    full.line.up()

    assert len(full.line.ask("packages", "list")) == len(full.delivered)
    _, report = read_when_quiet(full.line)
    assert report.faults() == []


def test_without_a_copy_the_line_does_not_come_up_on_an_empty_metadata_log(full: FullDisk):
    full.line.down()
    kafka = full.line.home / "kafka"
    os.truncate(kafka / "data" / "__cluster_metadata-0" / f"{0:020}.log", 0)
    for path in [*(kafka / "metadata.kept").iterdir(), kafka / "metadata.kept"]:
        path.rmdir() if path.is_dir() else path.unlink()

    refused = full.line.run("up")

    assert refused.code == 3
    assert "broker.metadata-lost: kafka is not started" in " ".join(refused.stderr.split())
    assert "from a backup" in refused.stderr
    assert list((kafka / "data").glob("*-stray")) == []
