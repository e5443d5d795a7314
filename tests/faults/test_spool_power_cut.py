"""The power of a station is cut while it scans and queues: what it showed as done is there."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from streams.clients.capture.capture_folder import CaptureFolder
from streams.clients.spool.deliveries import Deliveries
from streams.clients.spool.outbox import Outbox
from streams.clients.spool.spool_database import open_spool
from streams.clients.station.capture_record import digest_of
from tests.faults.power_cut.images import FOLDER, Disk, mounted_file, new_disk

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a disk")

CUTS = 4
PAGES_BETWEEN = 3
SECONDS = 120


@contextmanager
def working_station(home: Path) -> Iterator["subprocess.Popen[str]"]:
    """A process that keeps pages and queues folders, and prints what is done."""
    command = [sys.executable, "-m", "tests.faults.crash_points.working_station", str(home)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def ticked(process: "subprocess.Popen[str]", count: int) -> list[dict[str, str]]:
    """The next things that the station shows as done."""
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(count)]
    assert all(lines), f"the station ended with {process.poll()}"
    return [json.loads(line) for line in lines]


def missing_after_a_cut(disk: Disk, copy: Path, done: list[dict[str, str]]) -> list[str]:
    """What was shown as done and is not on the copy, or is not the same."""
    with mounted_file(copy, copy.with_name("after")):
        home = copy.with_name("after") / "home"
        folder = CaptureFolder(home / "captures" / "b-1", "b-1")
        pages: dict[str, str] = {}
        with folder.opened("as-delivered"):
            for item in folder.items():
                for record in folder.pages(item):
                    found = digest_of(folder.files / item / record.file)
                    pages[f"page {record.ref}"] = found if found == record.sha256 else "damaged"
        with open_spool(home) as spool:
            queued = {f"delivery {one.id}": one.batch_id for one in Deliveries(spool).all()}
            records = {f"record {one.position}": one.value.hex() for one in Outbox(spool).unsent()}
    known = pages | queued | records
    return [
        f"{one} is {known.get(one['what'])}" for one in done if known.get(one["what"]) != one["is"]
    ]


def test_every_page_record_and_delivery_that_was_shown_is_there_after_a_power_cut() -> None:
    done: list[dict[str, str]] = []
    with (
        TemporaryDirectory(prefix="spool-cut-", dir=FOLDER) as folder,
        new_disk(Path(folder)) as disk,
        working_station(disk.home) as process,
    ):
        for cut in range(CUTS):
            done += ticked(process, PAGES_BETWEEN * (cut + 1))
            process.send_signal(signal.SIGSTOP)
            copy = Path(folder) / f"copy-{cut}"
            assert disk.copy(copy, SECONDS)
            process.send_signal(signal.SIGCONT)

            assert missing_after_a_cut(disk, copy, done) == []
            copy.unlink()

    kinds = {one["what"].split()[0] for one in done}
    assert kinds == {"page", "record", "delivery"}


def test_without_flushing_the_same_check_finds_what_is_missing() -> None:
    done: list[dict[str, str]] = []
    with (
        TemporaryDirectory(prefix="spool-cut-", dir=FOLDER) as folder,
        new_disk(Path(folder)) as disk,
    ):
        with open_spool(disk.home) as spool:
            spool._database.execute("PRAGMA synchronous = OFF")
            for number in range(20):
                position = Outbox(spool).append("topic", "key", b"%d" % number)
                done.append({"what": f"record {position}", "is": (b"%d" % number).hex()})
            copy = Path(folder) / "copy"
            assert disk.copy(copy, SECONDS)
        (disk.home / "captures").mkdir()

        assert missing_after_a_cut(disk, copy, done)
