"""Order and labels of a folder's pages: by pages.csv, else by a METS beside them, else by name."""

from pathlib import PurePosixPath

from processors.xml.parser import XmlRefused, parse
from processors.xml.submitted_mets import SubmittedPage, read_structure
from streams.clients.station.scan import DeliveredFile
from streams.clients.station.sidecar_files import Row, Rows, numbered, rows_of


def pages_of(
    table: DeliveredFile | None, images: list[DeliveredFile], others: list[DeliveredFile]
) -> Rows:
    """The pages of an item. What a METS and the folder do not agree on, pre-flight tells."""
    if table is not None:
        return rows_of(table, images, others)
    for other in others:
        if other.root is not None and other.root.schema == "METS":
            rows = _by_mets(_pages_in(other), images)
            if rows:
                return numbered(Rows(rows))
    return numbered(Rows([Row({}, image) for image in images]))


def _pages_in(mets: DeliveredFile) -> tuple[SubmittedPage, ...]:
    try:
        return read_structure(parse(mets.path.read_bytes())).pages
    except (OSError, XmlRefused):
        return ()


def _by_mets(pages: tuple[SubmittedPage, ...], images: list[DeliveredFile]) -> list[Row]:
    """Images in the order of the METS that names them, others after them; none, if it names none.

    Addresses are matched by base name, and never fetched: it may name images of another format."""
    left = {image.name: image for image in images}
    exact = {PurePosixPath(name).name.casefold(): name for name in left}
    alike = {_stem(name): name for name in left}
    rows: list[Row] = []
    for page in pages:
        known = (
            *(exact.get(name.casefold()) for name in page.names),
            *(alike.get(_stem(name)) for name in page.names),
        )
        image = next((left.pop(name) for name in known if name is not None and name in left), None)
        if image is not None:
            rows.append(Row({"labels": [page.label]} if page.label else {}, image))
    return [*rows, *(Row({}, image) for image in left.values())] if rows else []


def _stem(name: str) -> str:
    return PurePosixPath(name).name.casefold().rsplit(".", 1)[0]
