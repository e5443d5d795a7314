"""Measures the pages of a session, each beside the earlier pages of its item."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from streams.clients.capture.capture_folder import CaptureFolder
from streams.clients.capture.page_check import CheckedPage
from streams.clients.capture.page_warnings import EarlierPages, measure_file, page_warnings
from streams.clients.station.capture_record import CaptureRecord


@dataclass
class Measuring:
    """Remembers the pages of each item of a batch."""

    folder: CaptureFolder
    _earlier: dict[str, EarlierPages] = field(default_factory=dict)

    def measured(
        self, item: str, path: Path, checked: CheckedPage, record: CaptureRecord
    ) -> CaptureRecord:
        """The record with what was measured in the image, and the warnings that follow from it."""
        if item not in self._earlier:
            self._earlier[item] = EarlierPages.of(self.folder.pages(item))
        page = measure_file(path, checked.family, checked.header)
        measured = page.document if page else None
        found = page_warnings(page, record.ref, record.kind, self._earlier[item])
        self._earlier[item].add(record.ref, record.kind, measured)
        more = [{"code": one.code, "found": one.found} for one in found]
        return replace(record, measured=measured, warnings=[*record.warnings, *more])

    def forget(self) -> None:
        """Read the earlier pages again: one has got another name."""
        self._earlier.clear()
