"""Batches that are queued in the spool of the line's own station are worked in the order asked."""

import time
from itertools import pairwise
from pathlib import Path

import pytest

from bench.common import NO_WORK
from schemas.catalogue import topic_of
from tests.support.deliveries import MODS, a_folder, a_png
from tests.support.reader import read_all
from tests.support.running_line import Line, wait_for

SECONDS_FOR_EACH = 5


def queue_and_settle(line: Line, folder: Path, prefix: str, count: int) -> None:
    """Queue this many batches of one page; they are published in order, and all settle."""
    (line.home / "profiles").mkdir(exist_ok=True)
    (line.home / "profiles" / "no-work.toml").write_text(NO_WORK)
    names = [f"{prefix}-{number:03d}" for number in range(count)]
    for number, name in enumerate(names):
        mods = MODS.replace(b"Psalter", name.encode())
        files: dict[str, bytes | str] = {"1.png": a_png(number), "mods.xml": mods}
        at = a_folder(folder / name, files)
        words = ("--batch-id", name, "--profile", "no-work", "--queue")
        assert line.ask("station", "submit", at, *words)["state"] in ("queued", "hashing")
    seconds = 60 + SECONDS_FOR_EACH * count

    def states() -> list[str]:
        shown = line.ask("station", "spool", "--all")["deliveries"]
        return [one["state"] for one in shown if one["batch_id"] in names]

    wait_for(lambda: set(states()) == {"submitted"}, seconds, lambda: str(states()))
    topic = topic_of("BatchSubmitted").name
    raws = [one for one in read_all(line.kafka, [topic]) if (one.key or b"").decode() in names]
    first = {name: min(one.timestamp for one in raws if one.key == name.encode()) for name in names}
    assert all(first[before] <= first[after] for before, after in pairwise(names))
    assert len(raws) == count
    deadline = time.monotonic() + seconds
    left = set(names)
    while left and time.monotonic() < deadline:
        known = line.ask("status")["batches"]
        left -= {one["batch_id"] for one in known if one["state"] == "settled"}
    assert not left, f"{len(left)} of {count} batches have not settled: {sorted(left)[:5]}"


def test_queued_batches_are_published_in_order_and_settle(line: Line, tmp_path: Path):
    queue_and_settle(line, tmp_path, "queued", 6)


@pytest.mark.long
def test_300_batches_of_a_night_are_published_in_order_and_settle(line: Line, tmp_path: Path):
    queue_and_settle(line, tmp_path, "night", 300)
