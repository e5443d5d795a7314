"""Small folders of page images, the same every time: printed words on white, read in a moment."""

import json
from pathlib import Path

import pyvips

WORDS = (
    "In the beginning the press was slow and the paper dear",
    "The reader turned the leaf and found a second hand",
    "Of all the books in the house this one was never lent",
    "A margin is wide where the scholar has much to say",
    "The binder took the sheets in the order of their signs",
)
DPI = 150
WIDTH, HEIGHT = 620, 800
LANGUAGE = "<dc:language>eng</dc:language>"
RECORD = (
    '<oai_dc:dc xmlns:oai_dc="http://www.openarchives.org/OAI/2.0/oai_dc/"'
    f' xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{{}}</dc:title>{LANGUAGE}</oai_dc:dc>\n'
)
UNSTATED = RECORD.replace(LANGUAGE, "")
"""States no language. To choose its model, a page is read twice and more, so few items have it."""


def write_page(path: Path, number: int) -> Path:
    """A grey TIFF of a few lines at 150 dpi; each number gives another page."""
    lines = [f"Page {number}", *(WORDS[(number + step) % len(WORDS)] for step in range(4))]
    text = pyvips.Image.text("\n\n".join(lines), width=520, dpi=DPI, font="DejaVu Serif 9")
    page = (
        (255 - text).cast("uchar").embed(50, 60, WIDTH, HEIGHT, extend="background", background=255)
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    page.tiffsave(str(path), compression="lzw", xres=DPI / 25.4, yres=DPI / 25.4, strip=True)
    return path


def write_item(
    folder: Path, pages: int, first: int = 1, record: str = RECORD, **fields: object
) -> Path:
    """A folder of pages with a record, and an item.json when fields are given."""
    for number in range(pages):
        write_page(folder / f"f{number + 1}.tif", first + number)
    (folder / "dc.xml").write_text(record.format(folder.name))
    if fields:
        (folder / "item.json").write_text(json.dumps(fields))
    return folder


def damage(path: Path) -> None:
    """Cut a file in the middle, as a full disk does."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
