"""Order and labels of the pages of a folder: from pages.csv, else from a METS, else by name."""

from processors.xml.parser import XmlRefused, parse
from processors.xml.submitted_mets import (
    SubmittedPage,
    delivered_name,
    name_key,
    read_structure,
    stem_key,
)
from streams.clients.station.scan import DeliveredFile
from streams.clients.station.sidecar_files import PageRow, PageRows, numbered, rows_of


def pages_of(
    table: DeliveredFile | None, images: list[DeliveredFile], others: list[DeliveredFile]
) -> PageRows:
    """The pages of an item. Pre-flight reports differences between a METS and the folder."""
    if table is not None:
        return rows_of(table, images, others)
    for other in others:
        if other.root is not None and other.root.schema == "METS":
            rows = _by_mets(_pages_in(other), images)
            if rows:
                return numbered(PageRows(rows, order="in the order of a METS"))
    return numbered(PageRows([PageRow({}, image) for image in images]))


def _pages_in(mets: DeliveredFile) -> tuple[SubmittedPage, ...]:
    try:
        return read_structure(parse(mets.path.read_bytes())).pages
    except (OSError, XmlRefused):
        return ()


def _by_mets(pages: tuple[SubmittedPage, ...], images: list[DeliveredFile]) -> list[PageRow]:
    """Images in the order of the METS, then images it does not name; empty if it names none.

    Names are compared as in pre-flight: base names, then base names without suffix."""
    remaining = {image.name: image for image in images}
    exact = {name_key(delivered_name(name)): name for name in remaining}
    alike = {stem_key(delivered_name(name)): name for name in remaining}
    rows: list[PageRow] = []
    for page in pages:
        candidates = (
            *(exact.get(name_key(name)) for name in page.names),
            *(alike.get(stem_key(name)) for name in page.names),
        )
        image = next(
            (remaining.pop(name) for name in candidates if name is not None and name in remaining),
            None,
        )
        if image is not None:
            rows.append(PageRow({"labels": [page.label]} if page.label else {}, image))
    return [*rows, *(PageRow({}, image) for image in remaining.values())] if rows else []
