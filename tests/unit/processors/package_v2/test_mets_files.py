"""Images have technical metadata of their own: of the master its MIX, of others width and height."""

from pathlib import Path

import pytest
import pyvips
from lxml import etree

from processors.package.contents import contents_of
from processors.package.item_record import read_item
from processors.package.layout import Payload
from processors.package_v2.mets_files import PageFiles, technical_sections
from processors.package_v2.writer import image_size
from processors.tools import Tools
from tests.support.package_builders import a_completed_item, a_page_entry, memory_tools

MIX = "{http://www.loc.gov/mix/v20}"


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    return memory_tools(tmp_path)


def test_each_image_that_was_made_has_its_width_and_height(tools: Tools) -> None:
    item = read_item(a_completed_item(tools, pages=(a_page_entry(1),), layout=2), tools)
    files = PageFiles(item, contents_of(item))
    sizes = {"access": (60, 80), "thumbnail": (6, 8), "pyramid": (600, 800)}

    found = list(technical_sections(item.pages[0], None, files, lambda one: sizes.get(one.use)))

    assert {section.get("ID"): _size(section) for section in found} == {
        "AMD_access_vol-1_0001.jpg": ("60", "80"),
        "AMD_thumbnail_vol-1_0001.thumbnail.jpg": ("6", "8"),
        "AMD_pyramid_vol-1_0001.tif": ("600", "800"),
    }
    assert files.measured == {str(section.get("ID")).removeprefix("AMD_") for section in found}


def _size(section: etree._Element) -> tuple[str | None, str | None]:
    width, height = (next(section.iter(f"{MIX}image{side}")) for side in ("Width", "Height"))
    return width.text, height.text


@pytest.mark.parametrize(
    ("name", "media_type"),
    [("a.jpg", "image/jpeg"), ("a.tif", "image/tiff"), ("a.png", "image/png")],
)
def test_the_size_of_an_image_is_read_from_its_header(
    tools: Tools, tmp_path: Path, name: str, media_type: str
) -> None:
    pyvips.Image.black(31, 17).write_to_file(str(tmp_path / name))
    payload = Payload("data/access/a", tmp_path / name, "", 0, media_type, use="access")

    assert image_size(payload, tools) == (31, 17)


def test_a_file_whose_header_cannot_be_read_has_no_size(tools: Tools, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    payload = Payload("data/access/a", tmp_path / "a.jpg", "", 4, "image/jpeg", use="access")

    assert image_size(payload, tools) is None
