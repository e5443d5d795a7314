"""Batches in the spool of a station of its own reach the line by HTTP, in the order asked."""

from itertools import pairwise
from pathlib import Path

import pytest

from bench.common import NO_WORK
from schemas.catalogue import topic_of
from tests.support.deliveries import MODS, a_folder, a_png
from tests.support.reader import read_all
from tests.support.running_line import Line, wait_for
from tests.support.stations import own_station

SECONDS_FOR_EACH = 5


def queue_and_settle(line: Line, work: Path, prefix: str, count: int) -> None:
    """Queue this many batches of one page; they are published in order, and all settle."""
    (line.home / "profiles").mkdir(exist_ok=True)
    (line.home / "profiles" / "no-work.toml").write_text(NO_WORK)
    names = [f"{prefix}-{number:03d}" for number in range(count)]
    addresses = {
        "KAFKA_BROKERS": line.servers(),
        "COPYSTAND_UPLOAD_URL": f"http://127.0.0.1:{line.ports()['ingest']}",
    }
    seconds = 60 + SECONDS_FOR_EACH * count
    with own_station(line.home, work / "station", addresses) as station:
        profiles = station.folder / "profiles"
        profiles.mkdir()
        (profiles / "no-work.toml").write_text(NO_WORK)
        for number, name in enumerate(names):
            mods = MODS.replace(b"Psalter", name.encode())
            files: dict[str, bytes | str] = {"1.png": a_png(number), "mods.xml": mods}
            words = ("--batch-id", name, "--profile", "no-work", "--queue")
            station.run("submit", a_folder(work / name, files), *words)
        wait_for(
            lambda: set(station.states()) == {"submitted"}, seconds, lambda: str(station.states())
        )
    check_order(line, names)

    def unsettled() -> set[str]:
        known = line.ask("status")["batches"]
        return set(names) - {one["batch_id"] for one in known if one["state"] == "settled"}

    wait_for(lambda: not unsettled(), seconds, lambda: f"not settled: {sorted(unsettled())[:5]}", 1)


def check_order(line: Line, names: list[str]) -> None:
    """Each batch was published once, and not before the one that was queued before it."""
    topic = topic_of("BatchSubmitted").name
    raws = [one for one in read_all(line.kafka, [topic]) if (one.key or b"").decode() in names]
    at = {(one.key or b"").decode(): one.timestamp for one in raws}
    assert len(raws) == len(names) == len(at)
    assert all(at[before] <= at[after] for before, after in pairwise(names))


@pytest.mark.long
def test_queued_batches_are_published_in_order_and_settle(line: Line, tmp_path: Path):
    queue_and_settle(line, tmp_path, "queued", 6)


@pytest.mark.long
def test_300_batches_of_a_night_are_published_in_order_and_settle(line: Line, tmp_path: Path):
    queue_and_settle(line, tmp_path, "night", 300)
