"""The colour targets of other batches that belong to a delivery: a file that closing it writes."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from infra.files import read_json, write_atomic
from streams.clients.station.capture_record import CaptureRecord
from streams.clients.station.scan import DeliveredFile

TARGETS_JSON = "targets.json"
FORM = "copystand-targets-1"
"""Marks a file as such."""


@dataclass(frozen=True)
class OtherTarget:
    """A captured target of another batch."""

    batch_id: str
    page_id: str
    record: CaptureRecord

    def document(self) -> dict[str, Any]:
        """The same as JSON values."""
        record = self.record.document()
        return {"batch_id": self.batch_id, "page_id": self.page_id, "record": record}


def read_targets(path: Path) -> list[OtherTarget]:
    """The targets in a file; none if it is not such a file."""
    fields = read_json(path)
    listed = fields.get("targets") if fields.get("form") == FORM else None
    return [found for one in listed or () if (found := _target(one)) is not None]


def _target(fields: Any) -> OtherTarget | None:
    if not isinstance(fields, dict) or not isinstance(fields.get("record"), dict):
        return None
    record = CaptureRecord.of(fields["record"])
    if record is None or not is_measured(record):
        return None
    return OtherTarget(str(fields.get("batch_id")), str(fields.get("page_id")), record)


def is_measured(record: CaptureRecord) -> bool:
    """Whether a capture is that of a measured target, with an event and a time."""
    try:
        datetime.fromisoformat(record.captured_at)
    except ValueError:
        return False
    return record.target is not None and record.event_id is not None


def write_targets(folder: Path, targets: Iterable[OtherTarget]) -> None:
    """Write the file beside the items of a batch; without targets there is none."""
    listed = [one.document() for one in targets]
    path = folder / TARGETS_JSON
    if not listed:
        path.unlink(missing_ok=True)
        return
    text = json.dumps({"form": FORM, "targets": listed}, indent=2, ensure_ascii=False)
    write_atomic(path, text + "\n")


def targets_among(files: Iterable[DeliveredFile]) -> list[OtherTarget]:
    """The targets of other batches that a delivery names."""
    found = (read_targets(one.path) for one in files if one.name == TARGETS_JSON)
    return next(found, [])
