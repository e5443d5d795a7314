"""Reads records that are not XML: tables of metadata, and the bag-info.txt of a bag."""

import csv
import io
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from processors.record_statements import RecordFields, stated
from streams.clients.station.scan import DeliveredFile

BAG_INFO = ("bag-info.txt", "package-info.txt")
"""Names of the file in which a bag describes itself; the second one before BagIt 0.96."""
MAX_BYTES = 16 * 1024 * 1024
TABLES = (".csv", ".tsv")
FILE_COLUMNS = ("filename", "file", "path", "objectid")
"""Columns that name what a row describes."""
OBJECTS = "objects"
"""Folder of the files in tables for Archivematica, whose own row describes all of them."""
PREFIXES = ("dc.", "dc:", "dcterms.", "dcterms:")


def is_table(file: DeliveredFile) -> bool:
    """Whether a file has the name of a table of metadata."""
    return PurePosixPath(file.name).suffix.casefold() in TABLES and not file.is_image


def table_fields(file: DeliveredFile, folder: str) -> RecordFields:
    """What a table states about the item in a folder.

    A row about the folder counts first; else what all rows state alike."""
    rows = list(_rows(file))
    about = [row for row in rows if _described(row) in ("", OBJECTS, folder.casefold())] or rows
    return stated(
        next(iter(_common(about, "title")), None),
        _common(about, "language"),
        (("identifier", value) for value in _common(about, "identifier")),
    )


def _rows(file: DeliveredFile) -> Iterator[list[tuple[str, str]]]:
    """The filled cells of each row with their columns, of which several may have one name."""
    text = _text(file)
    delimiter = max(",;\t", key=text.split("\n", 1)[0].count)
    try:
        lines = [line for line in csv.reader(io.StringIO(text), delimiter=delimiter) if any(line)]
    except csv.Error:
        return
    columns = [name.strip().casefold() for name in lines[0]] if lines else []
    for line in lines[1:]:
        cells = zip(columns, (cell.strip() for cell in line), strict=False)
        yield [(name, cell) for name, cell in cells if cell]


def _described(row: list[tuple[str, str]]) -> str | None:
    """What a row describes: a folder by its name, else None; empty without such a column."""
    path = next((cell for name, cell in row if name in FILE_COLUMNS), "").casefold()
    path = path.replace("\\", "/").rstrip("/").removeprefix(f"{OBJECTS}/")
    return None if "/" in path else path


def _common(rows: list[list[tuple[str, str]]], element: str) -> list[str]:
    """The values of an element, if all rows have the same."""
    names = {element, *(prefix + element for prefix in PREFIXES)}
    values = [[cell for name, cell in row if name in names] for row in rows]
    return values[0] if values and all(one == values[0] for one in values) else []


def is_bag_info(file: DeliveredFile) -> bool:
    """Whether a file has the name of the description of a bag."""
    return file.parts[-1].casefold() in BAG_INFO and not file.is_image


def bag_info_fields(file: DeliveredFile) -> RecordFields:
    """The External-Identifier of a bag; its other labels describe the transfer."""
    folded = re.sub(r"\r?\n[ \t]+", " ", _text(file))
    values = re.findall(r"(?im)^External-Identifier\s*:[ \t]*(.+?)\s*$", folded)
    return stated(None, (), (("External-Identifier", value) for value in values))


def _text(file: DeliveredFile) -> str:
    """The text of a file in UTF-8, else as Windows writes it in Western Europe."""
    if file.size_bytes > MAX_BYTES:
        return ""
    content = file.path.read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")
