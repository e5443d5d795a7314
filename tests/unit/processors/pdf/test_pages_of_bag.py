"""Pages of an unpacked package."""

from pathlib import Path

import pytest

from processors.pdf.item_pdf import write_pdf
from processors.pdf.pages_of_bag import Bag, NoPackage
from tests.support.package_builders import (
    PAGES,
    a_completed_item,
    a_page_entry,
    files_of,
    memory_tools,
    published,
)
from tests.unit.processors.pdf.test_item_pdf import words_by_pypdf

READ = a_page_entry(5, lines=["Der Ver-", "faſſer"])


@pytest.fixture
def bag(tmp_path: Path) -> Path:
    tools = memory_tools(tmp_path / "home")
    package = published(a_completed_item(tools, pages=(*PAGES, READ), layout=2), tools)
    for name, content in files_of(package, tools).items():
        path = tmp_path / "bag" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "bag"


def test_chosen_pages_have_label_size_and_text(bag: Path, tmp_path: Path):
    chosen = list(Bag(bag).chosen({1, 5}))

    assert [(page.label, page.size_px, page.text is not None) for page in chosen] == [
        ("[1]", (100, 200), True),
        ("5r", (100, 200), True),
    ]
    target = tmp_path / "pages.pdf"
    assert write_pdf(target, Bag(bag).description(), chosen) == 2
    assert words_by_pypdf(target) == [["text", "0001"], ["Der", "Ver-", "faſſer"]]


def test_it_is_described_as_the_item_is(bag: Path):
    description = Bag(bag).description()

    assert (description.identifier, description.title) == ("vol-1", "Psalter & Hymns")
    assert description.languages == ("la", "de")


def test_missing_pages_are_not_there(bag: Path):
    assert [page.order for page in Bag(bag).pages] == [1, 2, 4, 5]
    assert list(Bag(bag).chosen({3, 99})) == []


def test_a_folder_without_mets_is_no_package(tmp_path: Path):
    with pytest.raises(NoPackage, match=r"mets\.xml cannot be read"):
        Bag(tmp_path)


def test_a_path_out_of_the_package_is_refused(bag: Path):
    mets = bag / "data/metadata/mets.xml"
    mets.write_bytes(
        mets.read_bytes().replace(b"../access/vol-1_0001.jpg", b"../../../../etc/passwd")
    )

    with pytest.raises(NoPackage, match="outside the package"):
        Bag(bag)
