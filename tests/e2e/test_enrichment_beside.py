"""A line whose models end their process again and again starts, packages and drains as without them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import pages, small_analyzers
from tests.support.delivery import submission
from tests.support.running_line import Line, wait_for

ROOT = Path(__file__).parents[2]
BATCH = "beside"
SECONDS = 600

pytestmark = [pytest.mark.long, pytest.mark.timeout(3 * SECONDS)]


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    """A line with models that cannot be loaded: listing them ends the process of the role."""
    installed = small_analyzers.install(tmp_path / "analyzers")
    environment = {
        "COPYSTAND_ENRICHMENT": "on",
        "PYTHONPATH": f"{installed}:{ROOT}",
        small_analyzers.VERSION: small_analyzers.ENDS_ITS_PROCESS,
    }
    started = Line(tmp_path / "home", **environment)
    try:
        started.up()
        yield started
    finally:
        started.down()


def test_packages_leave_and_the_line_drains_while_the_role_crashes_and_it_catches_up_later(
    line: Line, tmp_path: Path
):
    pages.write_item(tmp_path / "delivery" / "vol-s", 2, first=51)
    wait_for(lambda: line.parts()["enrichment"]["restarts"] >= 2, SECONDS, line.logs, 0.5)

    settled = line.run(*submission(tmp_path / "delivery", BATCH))
    others = {name: part["restarts"] for name, part in line.parts().items() if name != "enrichment"}
    drained = line.run("down", "--drain", "--timeout", "60")
    repaired = Line(
        line.home,
        COPYSTAND_ENRICHMENT="on",
        PYTHONPATH=f"{tmp_path / 'analyzers'}:{ROOT}",
        **{small_analyzers.VERSION: "1"},
    )
    repaired.up()

    assert (settled.code, drained.code) == (0, 0)
    assert set(others.values()) == {0}
    wait_for(
        lambda: len(repaired.ask("review", "list", "--kind", "writing", "--batch", BATCH)) >= 2,
        SECONDS,
        repaired.logs,
        0.5,
    )
