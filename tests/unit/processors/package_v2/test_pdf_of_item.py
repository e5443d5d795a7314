"""The PDF of an item in a package of layout 2."""

from pathlib import Path
from typing import Any

import pypdf
import pytest
import pyvips
from lxml import etree

from processors.outcome import ObjectUnusable
from processors.package.contents import contents_of
from processors.package.item_record import read_item
from processors.package.layout import Payload
from processors.package_v2.iiif_files import chapters_of
from processors.package_v2.page_texts import with_packaged_texts
from processors.package_v2.pdf_of_item import bookmarks, pdf_of_item
from processors.pdf.outline import Bookmark
from processors.tools import Area, Tools
from processors.xml.writing import METS
from tests.support.package_builders import PAGES, a_completed_item, a_page_entry, memory_tools


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    return memory_tools(tmp_path)


def made(tools: Tools, *pages: dict[str, Any], **changes: Any) -> list[Payload]:
    item = read_item(a_completed_item(tools, pages=pages, layout=2, **changes), tools)
    contents = with_packaged_texts(item, contents_of(item), tools)
    return pdf_of_item(item, contents, (), tools)


def test_it_has_the_pages_with_an_image_and_their_text(tools: Tools):
    pages = (*PAGES, a_page_entry(5, lines=["Der Ver-", "faſſer"]))

    (pdf,) = made(tools, *pages)

    assert (pdf.path, pdf.group, pdf.use) == ("data/download/vol-1.pdf", "DOWNLOAD", "pdf")
    assert isinstance(pdf.source, Path) and pdf.size_bytes == pdf.source.stat().st_size
    reader = pypdf.PdfReader(pdf.source)
    # The missing page and the target are no pages of the PDF.
    assert reader.page_labels == ["[1]", "1v 2r", "5r"]
    assert [page.extract_text().split() for page in reader.pages] == [
        ["text", "0001"],
        ["text", "0002"],
        ["Der", "Ver-", "faſſer"],
    ]
    assert reader.metadata.title == "Psalter & Hymns"
    assert reader.root_object["/Lang"] == "la"
    # 100 x 200 pixels at 300 dpi.
    assert [float(side) for side in reader.pages[0].mediabox] == [0, 0, 24, 48]


def test_the_same_item_gives_the_same_pdf(tools: Tools):
    (first,), (second,) = (made(tools, *PAGES, run=run) for run in ("run-1", "run-22"))

    assert first.sha256 == second.sha256


def test_an_item_without_images_has_none(tools: Tools):
    assert made(tools, a_page_entry(1, kind="missing", file=None)) == []


def test_a_profile_can_turn_it_off(tools: Tools):
    assert made(tools, *PAGES, profile={"package": {"pdf": False}}) == []


def test_a_page_without_access_image_gets_one_from_the_master(tools: Tools, tmp_path: Path):
    item = read_item(a_completed_item(tools, pages=(a_page_entry(1),), layout=2), tools)
    contents = contents_of(item)
    image = pyvips.Image.black(300, 600, bands=3).linear(1, [200, 0, 0]).cast("uchar")
    image.copy(interpretation="srgb").tiffsave(str(tmp_path / "master.tif"))
    kept = tools.storage.keep(
        tmp_path / "master.tif", area=Area.MASTERS, use="master", media_type="image/tiff"
    )
    page = contents.payloads[0].page_id
    master = Payload(
        "data/master/a.tif",
        kept.key,
        kept.sha256,
        kept.size_bytes,
        "image/tiff",
        "master",
        page_id=page,
    )
    only_master = type(contents)(**{**vars(contents), "payloads": (master,)})

    (pdf,) = pdf_of_item(item, only_master, (), tools)

    assert isinstance(pdf.source, Path)
    (found,) = pypdf.PdfReader(pdf.source).pages[0].images
    assert found.image is not None and found.image.size == (300, 600)


def test_a_damaged_access_image_is_named(tools: Tools):
    item = read_item(a_completed_item(tools, pages=(a_page_entry(1),)), tools)

    with pytest.raises(ObjectUnusable, match=r"data/access/vol-1_0001\.jpg is no readable image"):
        pdf_of_item(item, contents_of(item), (), tools)


def test_bookmarks_are_the_divisions_inside_the_item():
    division = etree.fromstring(
        f'<div xmlns="{METS}" ID="top"><div ID="a" LABEL=" Vorrede "/><div ID="b" TYPE="part">'
        '<div ID="c" LABEL="Kapitel 1"/></div></div>'
    )

    found = bookmarks(chapters_of(division, {"a": ("0001", "0002"), "c": ("0003",), "b": ()}))

    assert found == (
        Bookmark("Vorrede", "0001"),
        Bookmark("part", None, (Bookmark("Kapitel 1", "0003"),)),
    )
