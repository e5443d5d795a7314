"""The text files of the pages in a package of layout 2, which agree word by word."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from processors.ocr.agreement import agreeing_hocr, agreeing_text
from processors.ocr.languages import language_tag
from processors.ocr.packaged_alto import (
    TextOrigin,
    delivered_alto,
    recognized_alto,
    serialised_alto,
)
from processors.ocr.page_text import PageText, page_text
from processors.package.contents import Contents
from processors.package.item_record import ItemRecord
from processors.package.layout import SUBMITTED, Payload, submitted_name, unique_path
from processors.tools import Tools
from schemas.ids import page_id

LEFT_OUT = "pdf"
"""Use of the PDF of one page; the package has one of the item."""
DELIVERED = "delivered-alto"
"""Use of an ALTO as it was delivered."""
DELIVERED_GROUP = "SUBMITTED"


def with_packaged_texts(item: ItemRecord, contents: Contents, tools: Tools) -> Contents:
    """The contents with the ALTO of layout 2 for each page, and texts that agree with it.

    A delivered ALTO is also there as it was delivered. PDFs of single pages are left out."""
    folder = tools.scratch / "texts"
    folder.mkdir(exist_ok=True)
    writer = _Writer(item, contents, folder, tools)
    payloads = tuple(one for own in contents.by_page().values() for one in writer.files(own))
    return replace(contents, payloads=payloads)


@dataclass
class _Writer:
    """Writes the texts of one page after another."""

    item: ItemRecord
    contents: Contents
    folder: Path
    tools: Tools

    def __post_init__(self) -> None:
        self._entries = {page_id(self.item.item_id, page["ref"]): page for page in self.item.pages}
        # Delivered texts get names that no submitted record has.
        self._taken = {
            f"{SUBMITTED}/{submitted_name(record['file']['path'])}".casefold()
            for record in self.item.records
        }

    def files(self, payloads: list[Payload]) -> Iterator[Payload]:
        """The files of a page in the package."""
        alto = next((one for one in payloads if one.use == "alto"), None)
        if alto is None:
            yield from (one for one in payloads if one.use != LEFT_OUT)
            return
        self.tools.progress(f"text of {alto.ref}")
        master = PurePosixPath(_path_of("master", payloads)).name
        origin = TextOrigin(master, _language(self._entries.get(alto.page_id or "", {})))
        content = self.tools.storage.read(alto.stored)
        # Only a delivered text has the name of a delivered file.
        is_delivered = alto.original_name is not None
        root = (delivered_alto if is_delivered else recognized_alto)(content, origin)
        text = page_text(root, (1, 1))
        for one in payloads:
            if one is alto:
                yield self._written(one, serialised_alto(root))
                if is_delivered:
                    yield self._as_delivered(one)
            elif one.use != LEFT_OUT:
                yield self._agreeing(one, text, master)

    def _agreeing(self, payload: Payload, text: PageText, master: str) -> Payload:
        if payload.use not in ("hocr", "text"):
            return payload
        content = self.tools.storage.read(payload.stored)
        if payload.use == "hocr":
            agreed = agreeing_hocr(content, text, master)
        else:
            agreed = agreeing_text(content, text)
        return payload if agreed == content else self._written(payload, agreed)

    def _written(self, payload: Payload, content: bytes) -> Payload:
        """The file with another content; the packaging is what made it."""
        path = self.folder / PurePosixPath(payload.path).name
        path.write_bytes(content)
        return replace(
            payload,
            source=path,
            sha256=hashlib.sha256(content).hexdigest(),
            size_bytes=len(content),
            original_name=None,
            event_id=None,
            made_by=None,
        )

    def _as_delivered(self, alto: Payload) -> Payload:
        path = f"{SUBMITTED}/{submitted_name(alto.original_name or '')}"
        return replace(
            alto,
            path=unique_path(path, self._taken),
            use=DELIVERED,
            group=DELIVERED_GROUP,
            made_by=None,
        )


def _path_of(use: str, payloads: list[Payload]) -> str:
    return next((one.path for one in payloads if one.use == use), "")


def _language(page: dict[str, Any]) -> str | None:
    """The language of a page, if exactly one is stated."""
    tags = [tag for code in page.get("languages") or () if (tag := language_tag(code))]
    return tags[0] if len(tags) == 1 else None
