"""What the tests of the whole line share: one line, started and ended as its user does."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from processors.ocr.installation import installed_models
from processors.ocr.languages import missing_models
from tests.support import pages
from tests.support.delivery import BATCH, OPERATOR, Delivered, submission
from tests.support.real_prints import Fetched, a_bag_of_fraktur, a_french_play
from tests.support.running_line import Line


def running(home: Path) -> Iterator[Line]:
    """A line that runs in this home until the iterator ends."""
    started = Line(home)
    try:
        started.up()
        yield started
    finally:
        started.down()


@pytest.fixture(scope="session")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    """A running line in a home of its own."""
    yield from running(tmp_path_factory.mktemp("line"))


@pytest.fixture(scope="session")
def second_line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    """Another running line in another home, with nothing in it at first."""
    yield from running(tmp_path_factory.mktemp("second"))


@pytest.fixture(scope="session")
def delivered(line: Line, tmp_path_factory: pytest.TempPathFactory) -> Delivered:
    """Two sound items of three pages each, one of them without a stated language, and one of two
    pages with a damaged master."""
    folder = tmp_path_factory.mktemp("delivery")
    pages.write_item(folder / "vol-a", 3, first=1)
    pages.write_item(folder / "vol-b", 3, first=11, record=pages.UNSTATED)
    pages.write_item(folder / "vol-c", 2, first=21)
    pages.damage(folder / "vol-c" / "f2.tif")
    answer = line.run(*submission(folder, BATCH), "--operator", OPERATOR, "--json")
    assert answer.document, f"{answer}\n{line.logs()}"
    return Delivered(folder, answer.document, answer.code)


@pytest.fixture(scope="session")
def play(line: Line, tmp_path_factory: pytest.TempPathFactory) -> Fetched:
    """Twenty pages of a French play, read once for all tests of them."""
    needs_models("fra", None)
    return a_french_play(line, tmp_path_factory.mktemp("play"))


@pytest.fixture(scope="session")
def fraktur(line: Line, tmp_path_factory: pytest.TempPathFactory) -> Fetched:
    """Two pages of Fraktur, read once for all tests of them."""
    needs_models("ger", "Latf")
    return a_bag_of_fraktur(line, tmp_path_factory.mktemp("fraktur"))


def needs_models(language: str, script: str | None) -> None:
    """Skip when Tesseract lacks the models of a language."""
    missing = missing_models((language,), script, installed_models())
    if missing:
        pytest.skip(f"Tesseract lacks {' or '.join(missing[0].candidates)} here")
