"""Reads the sidecar files of an item: item.json (its fields) and pages.csv (a row per page)."""

import csv
import io
import json
import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from schemas.models import Diagnostic
from streams.clients.station.findings import finding
from streams.clients.station.on_disk import Names, nfc
from streams.clients.station.scan import DeliveredFile

ITEM_JSON = "item.json"
PAGES_CSV = "pages.csv"
COLUMNS = (
    *("file", "sequence", "kind", "labels", "languages", "ref", "layout", "script", "text"),
    "image",
)
NUMBERS = ("sequence", "image")
REFUSED = ("pages", "metadata")
CHOICES = ("exclude", "forms")
"""Fields of item.json for the station; the manifest does not contain them."""


def item_fields(file: DeliveredFile | None) -> tuple[dict[str, Any], list[Diagnostic]]:
    """The fields in item.json; their values are checked with the manifest."""
    if file is None:
        return {}, []
    try:
        fields = json.loads(file.path.read_text("utf-8-sig"))
        # An escape can be half of a character, which the manifest cannot contain.
        json.dumps(fields, ensure_ascii=False).encode()
    except (OSError, ValueError, RecursionError) as failed:
        return {}, [finding("item-json.unreadable", file.name, failed)]
    if not isinstance(fields, dict):
        return {}, [finding("item-json.unreadable", file.name, "it is not a JSON object")]
    refused = [name for name in REFUSED if name in fields]
    return {name: value for name, value in fields.items() if name not in REFUSED}, [
        finding("item-json.field-refused", file.name, name) for name in refused
    ]


def choices_of(fields: dict[str, Any], where: str) -> tuple[dict[str, Any], list[Diagnostic]]:
    """The choices among the fields of item.json, removed from them; wrong ones are reported."""
    choices = {name: fields.pop(name) for name in CHOICES if name in fields}
    exclude, found = choices.get("exclude", []), []
    if not isinstance(exclude, list) or not all(isinstance(one, str) for one in exclude):
        found.append(finding("item-json.choice-wrong", where, f"exclude: {exclude!r}"))
        choices.pop("exclude")
    if not isinstance(choices.get("forms", ""), str):
        found.append(finding("item-json.choice-wrong", where, f"forms: {choices.pop('forms')!r}"))
    return choices, found


@dataclass(frozen=True)
class PageRow:
    """A page of pages.csv or a METS: its fields, its image, its delivered text."""

    fields: dict[str, Any]
    image: DeliveredFile | None
    text: DeliveredFile | None = None


@dataclass
class PageRows:
    """Pages in the order of pages.csv, else of a METS, else of the names of the images."""

    rows: list[PageRow] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    order: str = "in the order of names"
    """Where the order comes from."""
    has_texts: bool = False
    """Whether pages.csv has a column `text`."""


def rows_of(
    table: DeliveredFile, images: list[DeliveredFile], others: list[DeliveredFile]
) -> PageRows:
    """The pages of a pages.csv; `others` are files that may be the texts of pages."""
    pages = PageRows(order=f"in the order of {PAGES_CSV}")
    try:
        columns, rows = _read(table)
    except (OSError, ValueError, csv.Error) as failed:
        pages.diagnostics.append(finding("pages-csv.unreadable", table.name, failed))
        return pages
    pages.has_texts = "text" in columns
    unknown = [name for name in columns if name and name not in COLUMNS]
    pages.diagnostics += [finding("pages-csv.column-unknown", table.name, name) for name in unknown]
    by_name = {PurePosixPath(image.name).name: image for image in images}
    texts = {PurePosixPath(other.name).name: other for other in others}
    image_names, text_names = Names(by_name), Names(texts)
    listed: set[str] = set()
    for line, row in rows:
        name = _name_in(row.get("file"), image_names)
        if not any(isinstance(value, str) and value.strip() for value in row.values()):
            continue
        image, where = by_name.get(name), f"{table.name}, line {line}"
        if name and image is None:
            pages.diagnostics.append(finding("pages-csv.file-missing", where, name))
        fields = _fields(row)
        text = fields.pop("text", None)
        text = text if text is None else _name_in(row.get("text"), text_names)
        if text is not None and text not in texts:
            pages.diagnostics.append(finding("pages-csv.text-missing", where, text))
        listed.add(name)
        pages.rows.append(PageRow(fields, image, texts.get(text)))
    for name, image in by_name.items():
        if name not in listed:
            pages.diagnostics.append(finding("pages-csv.file-unlisted", image.name, table.name))
            pages.rows.append(PageRow({}, image))
    return numbered(pages)


def files_in_table(table: DeliveredFile) -> set[str]:
    """The file names in a pages.csv; empty if it cannot be read, which `rows_of` reports."""
    try:
        cells = [row.get("file") or "" for _, row in _read(table)[1]]
        return {nfc(one) for cell in cells for one in (cell, cell.strip())} - {""}
    except (OSError, ValueError, csv.Error):
        return set()


def _name_in(cell: str | None, names: Names) -> str:
    """The name on disk that a cell means: as written, or without the spaces around it."""
    written = cell or ""
    exact = names.on_disk(written)
    return exact if exact in names else names.on_disk(written.strip())


def _read(table: DeliveredFile) -> tuple[list[str], list[tuple[int, dict[str, Any]]]]:
    """Its columns, and its rows with line numbers. Raises OSError, ValueError and csv.Error."""
    text = table.path.read_text("utf-8-sig")
    first = text.split("\n", 1)[0]
    # Spreadsheets write semicolons in locales with a decimal comma.
    delimiter = max(",;\t", key=first.count)
    read = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    columns = read.fieldnames = [name.strip().casefold() for name in read.fieldnames or ()]
    if "file" not in columns:
        raise ValueError(f"its first line has no column `file`: {first.strip()!r}")
    return columns, [(read.line_num, row) for row in read]


def _fields(row: dict[str, Any]) -> dict[str, Any]:
    """The filled cells of a row, as fields of a page."""
    fields: dict[str, Any] = {}
    for name in COLUMNS[1:]:
        cell = row.get(name)
        text = cell.strip() if isinstance(cell, str) else ""
        if not text:
            continue
        if name in NUMBERS:
            fields[name] = int(text) if re.fullmatch(r"[0-9]{1,9}", text) else text
        elif name == "labels":
            fields[name] = [part.strip() for part in re.split(r"[|;]", text) if part.strip()]
        elif name == "languages":
            fields[name] = [part for part in re.split(r"[|;,+\s]+", text) if part]
        else:
            fields[name] = text
    return fields


def numbered(rows: PageRows) -> PageRows:
    """Fill missing sequences: such a page follows the one before it."""
    last = 0
    for row in rows.rows:
        given = row.fields.setdefault("sequence", last + 1)
        last = given if isinstance(given, int) else last + 1
    return rows
