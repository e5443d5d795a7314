"""The PDF of an item in a package of layout 2."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from processors.imaging.decoding_result import Undecodable
from processors.imaging.derivatives import Master, jpeg
from processors.imaging.image_of_file import image_alone
from processors.ocr.languages import language_tag
from processors.ocr.page_text import page_text
from processors.outcome import ObjectUnusable
from processors.package.contents import Contents
from processors.package.item_record import ItemRecord
from processors.package.layout import TARGET, Payload
from processors.package_v2.iiif_manifest import Chapter
from processors.pdf.item_pdf import Description, Page, write_pdf
from processors.pdf.outline import Bookmark
from processors.pdf.page_image import PageImage
from processors.profile import ReadingImage
from processors.tools import Tools
from processors.xml.parser import parse
from schemas.ids import page_id

FOLDER = "data/download"
GROUP = "DOWNLOAD"
MEDIA_TYPE = "application/pdf"
IMAGE = ReadingImage(long_side_px=2000)
"""Form of the image of a page that has no access image."""


def pdf_of_item(
    item: ItemRecord, contents: Contents, chapters: Sequence[Chapter], tools: Tools
) -> list[Payload]:
    """The PDF of the pages that have an image, except targets; empty if there is none, or if the
    profile has turned it off."""
    if item.profile.get("package", {}).get("pdf") is False:
        return []
    target = tools.scratch / "item.pdf"
    languages = tuple(
        tag for code in item.description.get("languages") or () if (tag := language_tag(code))
    )
    title = item.description.get("title") or item.item_id
    description = Description(item.item_id, title, languages, bookmarks(chapters))
    if not write_pdf(target, description, _pages(item, contents, tools)):
        return []
    with target.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    path, size = f"{FOLDER}/{item.item_id}.pdf", target.stat().st_size
    return [Payload(path, target, digest, size, MEDIA_TYPE, use="pdf", group=GROUP)]


def bookmarks(chapters: Sequence[Chapter]) -> tuple[Bookmark, ...]:
    """A bookmark for each chapter, which leads to its first page."""
    return tuple(
        Bookmark(one.label.strip(), next(iter(one.pages), None), bookmarks(one.chapters))
        for one in chapters
    )


def _pages(item: ItemRecord, contents: Contents, tools: Tools) -> Iterator[Page]:
    files = contents.by_page()
    for page in item.pages:
        name = page_id(item.item_id, page["ref"])
        own = {one.use: one for one in files.get(name, ())}
        if page["kind"] == TARGET or "master" not in own:
            continue
        tools.progress(f"PDF page {page['ref']}")
        known = contents.masters[name]
        image = _image(own, tools)
        # The image is upright and has square pixels, which the master need not be.
        scale = max(known.width_px, known.height_px) / max(image.width_px, image.height_px)
        size = (max(1, round(image.width_px * scale)), max(1, round(image.height_px * scale)))
        text = page_text(parse(_content(own["alto"], tools)), size) if "alto" in own else None
        yield Page(page["ref"], _label(page), image, size, known.resolution_dpi, text)


def _label(page: dict[str, Any]) -> str:
    """The printed number of a page, else its position in brackets."""
    return " ".join(page.get("labels") or ()) or f"[{page['sequence']}]"


def _content(payload: Payload, tools: Tools) -> bytes:
    if isinstance(payload.source, Path):
        return payload.source.read_bytes()
    return tools.storage.read(payload.stored)


def _image(own: dict[str, Payload], tools: Tools) -> PageImage:
    """The access image of a page; without one, an image like it is made. Raises ObjectUnusable."""
    source = own.get("access") or own.get("pyramid") or own["master"]
    stored = tools.storage.path(source.stored)
    try:
        if source.use == "access":
            return PageImage.of(stored)
        number = source.image if source.use == "master" else None
        with image_alone(stored, number, tools.scratch) as path:
            return PageImage.of(_reading_image(path, tools.scratch / "page.jpg"))
    except Undecodable as damage:
        raise ObjectUnusable(f"{source.path} is no readable image: {damage.found}") from None


def _reading_image(path: Path, target: Path) -> Path:
    master = Master(path, resolution_dpi=None, negative=False)
    image = jpeg(master.screen_image(IMAGE.long_side_px), IMAGE, None)
    if isinstance(image.content, bytes):
        target.write_bytes(image.content)
    return target
