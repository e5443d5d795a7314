"""Reads what analyzers see of a page: the pixels of the access image, the words, the text."""

from collections.abc import Iterator

import numpy as np
import pyvips
from lxml import etree
from numpy.typing import NDArray

from processors.enrich.analyzer import PageView, Word
from processors.enrich.page_task import PageTask
from processors.imaging.decode import open_image
from processors.tools import Tools
from processors.xml.parser import XmlRefused, parse
from schemas.models import FileRef

EMBEDDED = "embedded-dc"
"""Use of the document with the metadata that is embedded in the master."""
TEXT_USES = ("alto", "text", EMBEDDED)
"""Uses of the files that are read beside the access image."""
DC_SUBJECT = "{http://purl.org/dc/elements/1.1/}subject"


def view_of(task: PageTask, tools: Tools) -> PageView:
    """What the analyzers see of a page. Raises StorageError."""
    image = _pixels(task.access, tools)
    texts = {file.use: tools.storage.read(file) for file in task.texts}
    return PageView(
        page_id=task.page_id,
        image=image,
        master_width=task.master_width,
        master_height=task.master_height,
        dpi=task.master_dpi * image.shape[1] / task.master_width if task.master_width else 0.0,
        words=tuple(words_of(texts["alto"], task.master_width)) if "alto" in texts else (),
        text=texts.get("text", b"").decode("utf-8", "replace"),
        stated_languages=task.stated_languages,
        titles=task.titles,
        keywords=tuple(keywords_of(texts.get(EMBEDDED, b""))),
    )


def _pixels(access: FileRef, tools: Tools) -> NDArray[np.uint8]:
    image: pyvips.Image = open_image(tools.storage.path(access), access="sequential")
    image = image.colourspace("srgb")
    if image.hasalpha():
        image = image.flatten(background=255)
    pixels: NDArray[np.uint8] = image.cast("uchar").numpy()
    return np.ascontiguousarray(pixels[:, :, :3])


def words_of(alto: bytes, master_width: int) -> Iterator[Word]:
    """The words of an ALTO document, in pixels of the master.

    ALTO that was delivered may have another unit; then its page has its width in this unit."""
    try:
        root = parse(alto)
    except XmlRefused:
        # Text that was delivered; the image can be looked at without it.
        return
    page = next(root.iter("{*}Page"), None)
    width = _number(page, "WIDTH") if page is not None else 0.0
    scale = master_width / width if width else 1.0
    for one in root.iter("{*}String"):
        place = tuple(
            round(scale * _number(one, name)) for name in ("HPOS", "VPOS", "WIDTH", "HEIGHT")
        )
        text, confidence = str(one.get("CONTENT", "")), _number(one, "WC")
        yield Word(text, (place[0], place[1], place[2], place[3]), confidence)


def keywords_of(embedded: bytes) -> Iterator[str]:
    """The subjects in a Dublin Core document; none if there is no document."""
    if embedded:
        for one in parse(embedded).iter(DC_SUBJECT):
            if one.text and one.text.strip():
                yield one.text.strip()


def _number(element: etree._Element, name: str) -> float:
    try:
        return float(element.get(name, "0"))
    except ValueError:
        return 0.0
