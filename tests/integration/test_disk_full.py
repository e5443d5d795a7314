"""A full disk makes work wait; nothing fails, and work continues when there is space again."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import pages
from tests.support.running_line import Line, wait_for


@pytest.fixture
def line_without_space(tmp_path: Path) -> Iterator[Line]:
    """A line whose reserve is larger than any disk."""
    line = Line(tmp_path / "home", COPYSTAND_RESERVE_MB=str(10**9))
    try:
        line.up()
        yield line
    finally:
        line.down()


def test_pages_wait_for_free_space_and_status_says_so(line_without_space: Line, tmp_path: Path):
    pages.write_item(tmp_path / "d" / "vol-f", 1, first=93)
    line_without_space.run("station", "submit", tmp_path / "d", "--batch-id", "waits")

    def waits_for() -> str:
        roles = line_without_space.ask("status")["roles"]
        return next(row["waits_for"] or "" for row in roles if row["role"] == "worker")

    wait_for(lambda: "free space" in waits_for(), 30, lambda: str(line_without_space.ask("status")))
    assert line_without_space.ask("quarantine", "list") == []

    line_with_space = Line(line_without_space.home)
    line_without_space.down()
    line_with_space.up()
    line_with_space.wait_for_figures("waits", seconds=60, packaged=1)
    line_with_space.down()
