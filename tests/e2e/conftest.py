"""What the tests of the whole line share: one line, started and ended as its user does."""

from collections.abc import Iterator

import pytest

from tests.support import pages
from tests.support.delivery import BATCH, OPERATOR, Delivered, submission
from tests.support.running_line import Line


@pytest.fixture(scope="session")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    """A running line in a home of its own."""
    started = Line(tmp_path_factory.mktemp("line"))
    try:
        started.up()
        yield started
    finally:
        started.down()


@pytest.fixture(scope="session")
def delivered(line: Line, tmp_path_factory: pytest.TempPathFactory) -> Delivered:
    """Two sound items of three pages each, and one of two pages with a damaged master."""
    folder = tmp_path_factory.mktemp("delivery")
    pages.write_item(folder / "vol-a", 3, first=1)
    pages.write_item(folder / "vol-b", 3, first=11)
    pages.write_item(folder / "vol-c", 2, first=21)
    pages.damage(folder / "vol-c" / "f2.tif")
    answer = line.run(*submission(folder, BATCH), "--operator", OPERATOR, "--json")
    assert answer.document, f"{answer}\n{line.logs()}"
    return Delivered(folder, answer.document, answer.code)
