"""Order and labels of the pages of a folder: from pages.csv, else from a METS, else by name."""

from processors.xml.parser import XmlRefused, parse
from processors.xml.submitted_mets import (
    SubmittedPage,
    delivered_name,
    name_key,
    read_structure,
    stem_key,
)
from schemas.models import Diagnostic
from streams.clients.station.delivered_texts import with_texts
from streams.clients.station.findings import finding
from streams.clients.station.item_description import MAX_WORD, cut
from streams.clients.station.scan import DeliveredFile
from streams.clients.station.sidecar_files import PageRow, PageRows, numbered, rows_of


def pages_of(
    table: DeliveredFile | None, images: list[DeliveredFile], others: list[DeliveredFile]
) -> PageRows:
    """The pages of an item. Pre-flight reports differences between a METS and the folder.

    A column `text` in pages.csv decides about all texts; an empty cell means that there is none."""
    unreadable: list[Diagnostic] = []
    in_each = (_pages_in(one, unreadable) for one in others if _is_mets(one))
    in_mets = next(filter(None, in_each), ())
    pages = _ordered(table, images, others, in_mets)
    pages.diagnostics += unreadable
    return pages


def _ordered(
    table: DeliveredFile | None,
    images: list[DeliveredFile],
    others: list[DeliveredFile],
    in_mets: tuple[SubmittedPage, ...],
) -> PageRows:
    if table is not None:
        pages = rows_of(table, images, others)
        if not pages.has_texts:
            pages.rows = with_texts(pages.rows, others, in_mets)
        return pages
    pages = PageRows(_by_mets(in_mets, images), order="in the order of a METS")
    if not pages.rows:
        pages = PageRows([PageRow({}, image) for image in images])
    pages.rows = with_texts(pages.rows, others, in_mets)
    pages = numbered(pages)
    for row in pages.rows:
        _shorten_label(row, pages)
    return pages


def _is_mets(file: DeliveredFile) -> bool:
    return file.root is not None and file.root.schema == "METS"


def _shorten_label(row: PageRow, pages: PageRows) -> None:
    """Cut a label of a METS that is longer than a manifest allows."""
    for number, label in enumerate(row.fields.get("labels", ())):
        if len(label) > MAX_WORD and row.image is not None:
            row.fields["labels"][number] = cut(label, MAX_WORD)
            found = f"a page label of {len(label)} characters"
            pages.diagnostics.append(finding("record.text-too-long", row.image.name, found))


def _pages_in(mets: DeliveredFile, unreadable: list[Diagnostic]) -> tuple[SubmittedPage, ...]:
    try:
        return read_structure(parse(mets.path.read_bytes())).pages
    except XmlRefused:
        return ()
    except OSError as failed:
        unreadable.append(finding("file.unreadable", mets.name, failed.strerror or failed))
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
