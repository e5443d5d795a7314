"""The PDF of some pages of an unpacked package."""

from pathlib import Path

import pytest

from processors.pdf.pdf_of_pages import NotWritten, write_pdf_of_pages
from tests.support.package_builders import (
    a_completed_item,
    a_page_entry,
    files_of,
    memory_tools,
    published,
)


@pytest.fixture
def bag(tmp_path: Path) -> Path:
    tools = memory_tools(tmp_path / "home")
    pages = (a_page_entry(1), a_page_entry(2))
    package = published(a_completed_item(tools, pages=pages, layout=2), tools)
    for name, content in files_of(package, tools).items():
        path = tmp_path / "bag" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "bag"


def test_the_same_pages_give_the_same_bytes(bag: Path, tmp_path: Path):
    first, second = tmp_path / "a.pdf", tmp_path / "b.pdf"

    assert [write_pdf_of_pages(bag, {1, 2}, target) for target in (first, second)] == [2, 2]
    assert first.read_bytes() == second.read_bytes()


def test_a_damaged_page_leaves_the_file_as_it_was(bag: Path, tmp_path: Path):
    target = tmp_path / "pages.pdf"
    target.write_bytes(b"before")
    (bag / "data/access/vol-1_0002.jpg").write_bytes(b"no image")

    with pytest.raises(NotWritten, match="cannot be read"):
        write_pdf_of_pages(bag, {1, 2}, target)

    assert target.read_bytes() == b"before"
    assert list(tmp_path.glob(".*")) == []
