"""Reports the pages of a delivery that an operator skipped, each with the reason."""

from collections.abc import Iterable

from schemas.models import Diagnostic
from streams.clients.station.capture_record import SKIPPED, SUFFIX, CaptureRecord
from streams.clients.station.findings import finding
from streams.clients.station.scan import DeliveredFile


def skipped_pages(files: Iterable[DeliveredFile]) -> list[Diagnostic]:
    """A warning for each capture record of a skipped page."""
    named = [one for one in files if one.name.endswith(SUFFIX)]
    read = ((one.name, CaptureRecord.read(one.path)) for one in named)
    return [
        finding("page.skipped", name, one.reason or "no reason is given")
        for name, one in read
        if one is not None and one.state == SKIPPED
    ]
