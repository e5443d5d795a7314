"""A full disk makes work wait; nothing fails, and it goes on when there is room again."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import pages
from tests.support.running_line import Line, wait_for


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Line]:
    """A line whose reserve is larger than any disk."""
    line = Line(tmp_path / "home", COPYSTAND_RESERVE_MB=str(10**9))
    try:
        line.up()
        yield line
    finally:
        line.down()


def test_pages_wait_for_free_space_and_status_says_so(full: Line, tmp_path: Path):
    pages.write_item(tmp_path / "d" / "vol-f", 1, first=93)
    full.run("station", "submit", tmp_path / "d", "--batch-id", "waits")

    def noted() -> str:
        roles = full.ask("status")["roles"]
        return next(row["waits_for"] or "" for row in roles if row["role"] == "worker")

    wait_for(lambda: "free space" in noted(), 30, lambda: str(full.ask("status")))
    assert full.ask("quarantine", "list") == []

    roomy = Line(full.home)
    full.down()
    roomy.up()
    wait_for(lambda: roomy.figures("waits").get("packaged") == 1, 60, lambda: str(roomy.logs()))
    roomy.down()
