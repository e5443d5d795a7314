"""Reports the files of a delivery that no item takes."""

from collections.abc import Iterable

from schemas.models import Diagnostic
from streams.clients.station.findings import finding
from streams.clients.station.item_description import is_list, schema_of
from streams.clients.station.scan import DeliveredFile


def left_out(files: Iterable[DeliveredFile], consumed: set[str]) -> list[Diagnostic]:
    """A notice for each file whose content the station did not use."""
    return [
        finding("file.left-out", one.name, f"identified as {one.description}")
        for one in files
        if one.name not in consumed
    ]


def left_over(files: list[DeliveredFile], consumed: set[str]) -> list[Diagnostic]:
    """The same for files outside the folder of an item; records have a code of their own."""
    records = [one for one in files if schema_of(one) and not is_list(one, consumed)]
    return [
        *(finding("record.of-no-item", one.name, one.description) for one in records),
        *left_out((one for one in files if not schema_of(one)), consumed),
    ]
