"""Masters with embedded metadata, and what describe_page makes of them."""

import subprocess
from pathlib import Path

import pytest
import pyvips
from lxml import etree

from infra.standards import present, standards_folder
from processors.describe_page import describe_page
from processors.outcome import Done
from processors.tools import Area, Tools
from processors.xml.validate import validate
from schemas.models import FileRef, PageAcquired, PageDescribed
from tests.support.imaging_builders import HEAD, profile_ref

NS = {"mix": "http://www.loc.gov/mix/v20", "dc": "http://purl.org/dc/elements/1.1/"}


def a_master(tools: Tools, *tags: str, suffix: str = ".tif") -> FileRef:
    """A small image with these tags, written by exiftool, in the store."""
    path = tools.scratch / f"master{suffix}"
    image = pyvips.Image.black(60, 40, bands=3).copy(xres=300 / 25.4, yres=300 / 25.4)
    image.cast("uchar").copy(interpretation="srgb").write_to_file(str(path))
    if tags:
        command = ["exiftool", "-q", "-m", "-overwrite_original", "-codedcharacterset=utf8"]
        subprocess.run([*command, *tags, str(path)], check=True)
    kept = tools.storage.keep(path, area=Area.MASTERS, use="master", media_type="image/tiff")
    path.unlink()
    return kept


def stored(tools: Tools, content: bytes | Path) -> FileRef:
    """These bytes as a master in the store."""
    return tools.storage.keep(content, area=Area.MASTERS, use="master", media_type="image/tiff")


def an_acquired_page(tools: Tools, master: FileRef, **changes: object) -> PageAcquired:
    """A page as acquire_page hands it on: 60 x 40 pixels, RGB, 300 dpi."""
    fields: dict[str, object] = {
        "head": HEAD, "ref": "0001", "sequence": 1, "kind": "page", "layout": "single",
        "original_name": "0001.tif", "format_name": "TIFF", "format_puid": "fmt/353",
        "width_px": 60, "height_px": 40, "bits_per_sample": 8, "samples_per_pixel": 3,
        "colour_space": "rgb", "photometric": "rgb", "byte_order": "little-endian",
        "compression": "none", "resolution_dpi": 300.0, "files": (master, profile_ref(tools)),
    }  # fmt: skip
    return PageAcquired(**{**fields, **changes})  # type: ignore[arg-type]


def described(tools: Tools, page: PageAcquired) -> tuple[PageDescribed, dict[str, bytes]]:
    """The fact, and its files by their use."""
    outcome = describe_page(page, tools)
    assert isinstance(outcome, Done), outcome
    (fact,) = outcome.facts
    assert isinstance(fact, PageDescribed)
    return fact, {file.use: tools.storage.read(file) for file in fact.files}


def schema_errors(document: bytes) -> list[str]:
    """What is wrong with a document by its schema."""
    if not present():
        pytest.fail("the XSD files are missing; run: make standards")
    return validate(etree.fromstring(document), standards_folder())
