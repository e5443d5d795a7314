"""A folder of 100,000 pages, and how long a station needs to queue it."""

import os
import resource
import time
from dataclasses import dataclass
from pathlib import Path

from tests.support.running_line import wait_for
from tests.support.stations import OwnStation

PAGES = 100_000
IN_AN_ITEM = 1000


@dataclass(frozen=True)
class Queueing:
    """What one `station submit --queue` took, until the terminal came back."""

    seconds: float
    processor_seconds: float


def a_large_folder(folder: Path) -> Path:
    """Items of 1,000 pages each; the pages of an item are one file with many names."""
    for number in range(PAGES // IN_AN_ITEM):
        item = folder / f"item-{number:03d}"
        item.mkdir(parents=True)
        first = item / "0000.tif"
        first.write_bytes(b"II*\0 %d" % number)
        for page in range(1, IN_AN_ITEM):
            os.link(first, item / f"{page:04d}.tif")
    return folder


def queue_large_folder(folder: Path, work: Path) -> Queueing:
    """Queue the folder at a new station, and end its background process."""
    own = {"COPYSTAND_STATION": str(work / "station"), "COPYSTAND_HOME": str(work / "home")}
    station = OwnStation(folder, {**os.environ, **own})
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    queued = station.run("submit", folder, "--batch-id", "b-1", "--queue")
    seconds, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    (shown,) = station.run("spool")["deliveries"]
    wait_for(station.kill, 60, lambda: "no process works on the spool")
    assert (queued["id"], queued["files"], shown["files"]) == ("d-1", PAGES, PAGES)
    used = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return Queueing(seconds, used)
