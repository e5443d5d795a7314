"""A page that was captured, and the place where it goes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streams.clients.capture.page_check import CheckedPage
from streams.clients.station.capture_record import CaptureRecord


@dataclass(frozen=True)
class Place:
    """Where a scanned page goes: behind all others, in place of a page, or between two pages."""

    replaced: CaptureRecord | None = None
    follows: str | None = None

    def after(self, record: CaptureRecord) -> "Place":
        """The place of the next page."""
        return self if self.follows is None else Place(follows=record.ref)


NEXT_PLACE = Place()


@dataclass(frozen=True)
class CapturedPage:
    """A page that is on disk."""

    item: str
    path: Path
    preview: Path | None
    record: CaptureRecord
    page: CheckedPage

    def document(self) -> dict[str, Any]:
        """The same as JSON values."""
        return {
            "item": self.item,
            "ref": self.record.ref,
            "file": str(self.path),
            "preview": str(self.preview) if self.preview else None,
            "sha256": self.record.sha256,
            "size_bytes": self.record.size_bytes,
            "asked": self.record.asked,
            "confirmed": self.record.confirmed,
            "found": self.record.found,
            "measured": self.record.measured,
            "target": self.record.target,
            "warnings": self.record.warnings,
            "event_id": self.record.event_id,
        }
