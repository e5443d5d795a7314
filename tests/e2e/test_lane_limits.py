"""A limit of a lane holds on a running line, from its setting to its removal, without a restart."""

import json
import os
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from streams.settings_file import settings_file
from tests.support import pages
from tests.support.delivery import submission
from tests.support.running_line import Line, wait_for

BATCH, RUSH, LONG = "limited-1", "limited-2", "limited-3"
PAGES, PER_MINUTE = 10, 30
BURST_SECONDS = 2.0
SECONDS = 200
PATIENT = ("--timeout", str(SECONDS))
MINUTES = float(os.environ.get("MINUTES", "10"))
LONG_PER_MINUTE, TOLERANCE = 30, 0.05
METADATA, DERIVATIVES = "describe_page", "derive_page"


@pytest.fixture(scope="module")
def limited(line: Line, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """A normal batch on a line with a limited lane, and a rush batch submitted after it."""
    folder = tmp_path_factory.mktemp("limited")
    pages.write_item(folder / "normal" / "vol-a", PAGES, first=1)
    pages.write_item(folder / "rush" / "vol-b", 1, first=51)
    limit(line, f"metadata={PER_MINUTE}/min")
    try:
        yield {"began": both_batches(line, folder)}
    finally:
        limit(line, "")


def both_batches(line: Line, folder: Path) -> float:
    """Process the batches; when the first was submitted, in seconds of the epoch."""
    began = time.time()
    normal = line.background(*submission(folder / "normal", BATCH, *PATIENT))
    wait_for(lambda: executed(line, BATCH, METADATA), SECONDS, line.logs)
    answer = line.run(*submission(folder / "rush", RUSH, "--priority", "rush", *PATIENT))
    assert answer.code == 0, answer
    assert normal.wait(SECONDS) == 0, line.logs()
    return began


def limit(line: Line, text: str) -> None:
    """Change the limits in the settings file, and wait until `status` shows them."""
    file = settings_file(line.home)
    file.write_text(f"COPYSTAND_LANE_LIMITS={text}\n") if text else file.unlink(missing_ok=True)
    expected = {"metadata": f"{PER_MINUTE} tasks/min"} if text else {}
    wait_for(
        lambda: line.ask("status")["limits"] == expected,
        SECONDS,
        lambda: line.ask("status")["limits"],
    )


def executed(line: Line, batch: str, step: str) -> list[float]:
    """When the worker finished the step for pages of a batch, in seconds of the epoch."""
    found = []
    for text in (line.home / "log" / "worker.log").read_text().splitlines():
        at, _, fields = text.partition(" step executed ")
        record = json.loads(fields) if fields else {}
        if record.get("step") == step and str(record.get("item_id")).startswith(f"{batch}."):
            found.append(datetime.fromisoformat(at.split()[0]).timestamp())
    return sorted(found)


def test_a_limited_lane_does_no_more_than_its_limit(line: Line, limited: dict[str, Any]):
    times = executed(line, BATCH, METADATA) + executed(line, RUSH, METADATA)
    allowed = (max(times) - limited["began"] + BURST_SECONDS) * PER_MINUTE / 60 + 1

    assert len(times) == PAGES + 1 <= allowed


def test_a_rush_batch_is_not_behind_the_waiting_tasks_of_a_limited_lane(
    line: Line, limited: dict[str, Any]
):
    last_of_normal = executed(line, BATCH, METADATA)[-1]

    assert executed(line, RUSH, DERIVATIVES)[0] < last_of_normal
    assert executed(line, RUSH, METADATA)[0] < last_of_normal


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_limit_is_held_within_5_percent_over_ten_minutes(line: Line, tmp_path: Path):
    count = int(MINUTES * LONG_PER_MINUTE) + 1
    pages.write_item(tmp_path / "long" / "vol-a", count)
    limit(line, f"metadata={LONG_PER_MINUTE}/min")

    words = ["station", "submit", tmp_path / "long", "--batch-id", LONG, "--wait"]
    sent = line.background(*words, "--timeout", str(120 * MINUTES))
    code = sent.wait(120 * MINUTES + 60)
    limit(line, "")

    times = executed(line, LONG, METADATA)
    rate = (len(times) - 1) / (times[-1] - times[0]) * 60
    print(f"{len(times)} tasks in {times[-1] - times[0]:.0f} s: {rate:.2f} tasks/min")
    assert (code, len(times)) == (0, count)
    assert rate == pytest.approx(LONG_PER_MINUTE, rel=TOLERANCE)
