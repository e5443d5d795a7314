"""Lists the files of a delivery that are in no item, so that the log can name each of them."""

from collections.abc import Iterable
from typing import Any

from processors.rules.codes import escaped
from schemas.models import Diagnostic
from streams.clients.station.scan import DeliveredFile

USED = "read by the station: {description}"
"""What is recorded of a file whose content was used, such as a checksum list or item.json."""


def not_packaged(
    files: Iterable[DeliveredFile],
    packaged: set[str],
    digests: dict[str, str],
    diagnostics: Iterable[Diagnostic],
) -> list[dict[str, Any]]:
    """An entry for each visible file that no item contains; its code says why."""
    why = {one.where: one for one in diagnostics if one.code in CODES}
    return [
        _entry(one, digests.get(one.name, ""), why.get(one.name))
        for one in files
        if one.name not in packaged and not one.is_skipped
    ]


CODES = ("file.left-out", "file.excluded", "page.second-form", "record.of-no-item")


def _entry(file: DeliveredFile, digest: str, why: Diagnostic | None) -> dict[str, Any]:
    return {
        "path": escaped(file.name),
        "sha256": digest,
        "size_bytes": file.size_bytes,
        "code": why.code if why else None,
        "found": why.found if why else USED.format(description=file.description),
    }
