"""Makes the record of a scanned file."""

from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from streams.clients.capture.page_check import CheckedPage
from streams.clients.capture.pixel_digest import pixels_digest
from streams.clients.scanners.capabilities import Device
from streams.clients.scanners.capture_settings import CaptureSettings
from streams.clients.scanners.scanner_driver import ScannedPage
from streams.clients.station.capture_record import MISSING, CaptureRecord, digest_of


@dataclass(frozen=True)
class Circumstances:
    """How a file was scanned."""

    device: Device
    settings: CaptureSettings
    profile: str
    operator: str | None
    confirmed: dict[str, Any]


def page_record(
    scanned: ScannedPage,
    checked: CheckedPage,
    name: tuple[str, str],
    how: Circumstances,
    replaced: CaptureRecord | None,
) -> CaptureRecord:
    """The record of a file with the ref and the file name in `name`; `replaced` is the record of
    the page whose place it takes."""
    asked = {key: value for key, value in how.settings.document().items() if value is not None}
    record = CaptureRecord(
        ref=name[0],
        file=name[1],
        sha256=digest_of(scanned.path),
        size_bytes=scanned.path.stat().st_size,
        captured_at=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
        driver=how.device.driver,
        device=how.device.document(),
        profile=how.profile,
        asked=asked,
        confirmed=how.confirmed,
        found=checked.found(),
        operator=how.operator,
        warnings=[{"code": one.code, "found": one.found} for one in checked.warnings],
        original_name=scanned.original_name,
        event_id=str(uuid4()),
        pixels_sha256=pixels_digest(scanned.path, checked.family, checked.header),
    )
    return record if replaced is None else _in_place_of(replaced, record, scanned)


def _in_place_of(
    replaced: CaptureRecord, record: CaptureRecord, scanned: ScannedPage
) -> CaptureRecord:
    """The record with what a page keeps when it is scanned again."""
    record = replace(
        record,
        kind=replaced.kind if replaced.kind != MISSING else "page",
        labels=replaced.labels,
        follows=replaced.follows,
    )
    if scanned.renamed_from is not None and replaced.sha256 == record.sha256:
        # Another name is not another capture.
        return replace(
            record,
            event_id=replaced.event_id,
            captured_at=replaced.captured_at,
            previous=replaced.previous,
        )
    return replace(record, previous=asdict(replaced))
