"""A line on one core and 1.5 GB of memory, also with a slow disk, after `doctor --tune --write`."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pyvips

from streams.settings_file import settings_file
from tests.support import pages
from tests.support.control_group import ControlGroup, Limits, control_group
from tests.support.running_line import COMMAND, Line

pytestmark = [pytest.mark.long, pytest.mark.timeout(3600)]

PAGES, LARGE = 60, 3
MEMORY_BYTES = 1_500_000_000
SLOW = {"bytes_per_second": 4_000_000, "writes_per_second": 100}
BATCH = "old-1"
SECONDS = 1500
PROFILE = 'extends = "as-delivered"\noptional_branches = []\n'
WORDS = "The reader turned the leaf and found a second hand. "


@dataclass(frozen=True)
class Old:
    """A tuned line in its control group."""

    line: Line
    group: ControlGroup
    tuned: dict[str, Any]
    """What the first run of `doctor --tune --write` printed."""
    files: tuple[str, str]
    """The settings file after the first and after the second run."""


@pytest.fixture(params=[{}, SLOW], ids=["fast-disk", "slow-disk"])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Old]:
    """A running line on an old machine, tuned twice."""
    home = tmp_path / "home"
    disk = tmp_path if request.param else None
    with control_group(Limits(1, MEMORY_BYTES, disk, **request.param)) as group:
        line = Line(home, command=group.command(COMMAND))
        try:
            tuned = line.ask("doctor", "--tune", "--write")
            first = settings_file(home).read_text()
            line.ask("doctor", "--tune", "--write")
            line.up()
            yield Old(line, group, tuned, (first, settings_file(home).read_text()))
        finally:
            line.down()


def test_a_batch_of_60_pages_ends_without_a_process_killed_for_memory(old: Old, tmp_path: Path):
    (old.line.home / "profiles").mkdir(exist_ok=True)
    (old.line.home / "profiles" / "plain.toml").write_text(PROFILE)
    folder = a_delivery(tmp_path / "delivery")
    began = time.monotonic()

    words = ["--batch-id", BATCH, "--operator", "o-1", "--profile", "plain", "--wait"]
    sent = old.line.background("station", "submit", folder, *words, "--timeout", str(SECONDS))
    code = sent.wait(SECONDS + 60)

    seconds = time.monotonic() - began
    found = old.line.figures(BATCH)
    restarts = {name: part["restarts"] for name, part in old.line.parts().items()}
    print(old.tuned["measured"], {row["name"]: row["value"] for row in old.tuned["settings"]})
    print(f"{PAGES} pages in {seconds:.0f} s, peak {old.group.peak_mb()} MB, restarts {restarts}")
    assert (code, found["packaged"], found["quarantined"]) == (0, PAGES, 0), old.line.logs()
    assert old.group.kills() == 0
    assert not any(restarts.values()), old.line.logs()
    assert old.files[0] == old.files[1]
    assert old.tuned["measured"]["cores"] == 1
    assert old.tuned["measured"]["memory_mb"] == MEMORY_BYTES // 1_000_000 - 1


def a_delivery(folder: Path) -> Path:
    """An item of small pages, and some of A4 in colour at 300 dpi with grain."""
    pages.write_item(folder / "vol-a", PAGES - LARGE)
    text = pyvips.Image.text(WORDS * 120, width=2200, dpi=300, font="DejaVu Serif 11")
    page = (255 - text).cast("uchar")
    page = page.embed(140, 140, 2480, 3508, extend="background", background=255)
    for number in range(LARGE):
        grain = pyvips.Image.gaussnoise(2480, 3508, sigma=6, mean=0, seed=number)
        colour = (page.bandjoin([page, page]) + grain).cast("uchar").copy(interpretation="srgb")
        path = folder / "vol-a" / f"g{number + 1}.tif"
        colour.tiffsave(str(path), xres=300 / 25.4, yres=300 / 25.4)
    return folder
