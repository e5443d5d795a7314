"""`packages pdf`."""

import json
from pathlib import Path

import pypdf
import pytest
from click.testing import CliRunner

from streams.cli.packages import packages
from tests.support.package_builders import (
    PAGES,
    a_completed_item,
    files_of,
    memory_tools,
    published,
)


@pytest.fixture
def bag(tmp_path: Path) -> Path:
    tools = memory_tools(tmp_path / "home")
    package = published(a_completed_item(tools, pages=PAGES, layout=2), tools)
    for name, content in files_of(package, tools).items():
        path = tmp_path / "bag" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "bag"


def test_it_writes_the_chosen_pages(bag: Path, tmp_path: Path):
    target = tmp_path / "two.pdf"

    done = CliRunner().invoke(
        packages, ["pdf", str(bag), "--pages", "1-2", "-o", str(target), "--json"]
    )

    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == {"file": str(target), "pages": 2}
    assert pypdf.PdfReader(target).page_labels == ["[1]", "1v 2r"]


@pytest.mark.parametrize(
    ("numbers", "code", "found"),
    [("3", 1, "has no pages 3"), ("x", 2, "not a list of page numbers")],
)
def test_it_writes_no_file_without_pages(
    bag: Path, tmp_path: Path, numbers: str, code: int, found: str
):
    target = tmp_path / "none.pdf"

    done = CliRunner().invoke(packages, ["pdf", str(bag), "--pages", numbers, "-o", str(target)])

    assert (done.exit_code, target.exists()) == (code, False)
    assert found in " ".join(done.output.split())
    assert list(tmp_path.glob(".*")) == []


def test_a_folder_that_is_no_package_is_refused(tmp_path: Path):
    arguments = ["pdf", str(tmp_path), "--pages", "1", "-o", str(tmp_path / "a.pdf")]

    done = CliRunner().invoke(packages, arguments)

    assert done.exit_code == 1
    assert "packages fetch" in " ".join(done.output.split())
