"""Makes a page of each image of a file that has several, as the profile or pages.csv says."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from processors.imaging.image_of_file import count_images
from processors.profile import look_up
from schemas.models import Diagnostic
from streams.clients.station.findings import finding
from streams.clients.station.scan import DeliveredFile
from streams.clients.station.sidecar_files import PAGES_CSV, PageRow, PageRows

EACH_IMAGE = "pages"


def images_are_pages(profile: str, folder: Path | None) -> bool:
    """Whether a profile makes a page of each image."""
    document = look_up(profile, folder).document
    return document is not None and document["more_images"] == EACH_IMAGE


def with_image_pages(pages: PageRows, each: bool) -> PageRows:
    """The rows with a row for each image of the files with several.

    A file of which pages.csv names an image always has a row for each of them. The rows are then
    numbered in their order."""
    named = _named_images(pages.rows)
    counts = {
        row.image.name: _count(row.image)
        for row in pages.rows
        if row.image is not None and (each or row.image.name in named)
    }
    several = {name: count for name, count in counts.items() if count > 1 or name in named}
    if not several:
        return pages
    rows = [new for row in _in_order(pages.rows) for new in _rows(row, several)]
    unlisted = list(_unlisted(pages.rows, named, several))
    for sequence, row in enumerate((*rows, *unlisted), 1):
        row.fields["sequence"] = sequence
    left = [_not_listed(row) for row in unlisted]
    return replace(pages, rows=[*rows, *unlisted], diagnostics=[*pages.diagnostics, *left])


def _count(image: DeliveredFile) -> int:
    try:
        return count_images(image.path)
    except OSError:
        return 1  # The file is reported where it is read as a whole.


def _named_images(rows: list[PageRow]) -> dict[str, set[Any]]:
    """By file name, the images that rows of pages.csv name."""
    named: dict[str, set[Any]] = defaultdict(set)
    for row in rows:
        if row.image is not None and "image" in row.fields:
            named[row.image.name].add(row.fields["image"])
    return named


def _in_order(rows: list[PageRow]) -> list[PageRow]:
    """The rows by their sequence if all have one."""
    sequences = [row.fields.get("sequence") for row in rows]
    if not all(isinstance(number, int) for number in sequences):
        return rows
    return sorted(rows, key=lambda row: int(row.fields["sequence"]))


def _rows(row: PageRow, several: dict[str, int]) -> Iterator[PageRow]:
    """The row itself, or one for each image of its file."""
    count = several.get(row.image.name) if row.image is not None else None
    if count is None or "image" in row.fields:
        yield row
        return
    labels = row.fields.get("labels", [])
    for number in range(1, count + 1):
        fields = {**row.fields, "image": number}
        if labels:
            # As many labels as images are theirs; others belong to the file, so to its first page.
            own = [labels[number - 1]] if len(labels) == count else labels if number == 1 else []
            fields["labels"] = own
        if "ref" in fields:
            fields["ref"] = f"{fields['ref']}.{number}"
        yield PageRow(fields, row.image)


def _unlisted(
    rows: list[PageRow], named: dict[str, set[Any]], several: dict[str, int]
) -> Iterator[PageRow]:
    """The images of a file of which pages.csv names only others."""
    files = {row.image.name: row.image for row in rows if row.image is not None}
    for name, numbers in named.items():
        whole = any(
            row.image is not None and row.image.name == name and "image" not in row.fields
            for row in rows
        )
        for number in range(1, several[name] + 1):
            if number not in numbers and not whole:
                yield PageRow({"image": number}, files[name])


def _not_listed(row: PageRow) -> Diagnostic:
    assert row.image is not None
    where = f"{row.image.name}, image {row.fields['image']}"
    return finding("pages-csv.file-unlisted", where, PAGES_CSV)
