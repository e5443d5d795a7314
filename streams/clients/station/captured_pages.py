"""The captures of the pages of a delivery, as facts that the station signs and publishes."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

from processors.tools import staging_key
from schemas import ids
from schemas.models import CaptureSetting, FileRef, Head, PageCaptured
from schemas.models import Producer as Software
from streams.clients.scanners.twain_map import ROWS
from streams.clients.station.capture_record import SUFFIX, CaptureRecord
from streams.clients.station.delivered_targets import targets_among
from streams.clients.station.scan import DeliveredFile
from streams.clients.station.target_links import SessionTargets
from streams.settings import software_version

PRODUCER = "copystand/station"
UNKNOWN = "application/octet-stream"
ASKS_NOTHING = "watch"
"""Driver that takes files of other software, so that no setting was asked of a device."""
ABOUT_THE_FILE = ("content_type", "sha256")
"""What drivers confirm about a file and not about a setting."""


def name_captures(
    batch_id: str, items: list[dict[str, Any]], files: Mapping[str, DeliveredFile]
) -> list[PageCaptured]:
    """Enter the capture that counts in each page that was captured by `station scan`, and return
    all captures of these pages, those that were replaced before those that replace them."""
    captured = [
        (item["item_id"], page, record)
        for item in items
        if ids.ITEM_ID.match(str(item["item_id"]))
        for page in item["pages"]
        if (record := _record_of(page, files)) is not None
    ]
    own = ((_page_id(item_id, page), one) for item_id, page, one in captured)
    targets = SessionTargets(own, targets_among(files.values()))
    found: list[PageCaptured] = []
    for item_id, page, record in captured:
        media_type = files[page["file"]["path"]].media_type or UNKNOWN
        found += _facts(batch_id, item_id, page, record, targets, media_type)
        page["capture"] = record.event_id
    return found


def _page_id(item_id: str, page: dict[str, Any]) -> str:
    return ids.page_id(item_id, page["ref"] or f"{page['sequence']:04d}")


def _record_of(page: dict[str, Any], files: Mapping[str, DeliveredFile]) -> CaptureRecord | None:
    """The record beside a page, if it is of this file and has the id of its capture."""
    if page["file"] is None or page["capture"] is not None:
        return None
    beside = PurePosixPath(page["file"]["path"])
    listed = files.get(str(beside.with_name(beside.stem + SUFFIX)))
    record = CaptureRecord.read(listed.path) if listed is not None else None
    same = record is not None and record.sha256 == page["file"]["sha256"]
    return record if record is not None and same and record.event_id else None


def _facts(
    batch_id: str,
    item_id: str,
    page: dict[str, Any],
    record: CaptureRecord,
    targets: SessionTargets,
    media_type: str,
) -> Iterator[PageCaptured]:
    page_id = _page_id(item_id, page)
    head = Head(
        event_id="",
        batch_id=batch_id,
        item_id=item_id,
        page_id=page_id,
        revision=1,
        occurred_at=datetime.fromisoformat(record.captured_at),
        producer=Software(name=PRODUCER, version=software_version()),
    )
    history = [one for one in (*record.earlier(), record) if one.event_id]
    replaced: str | None = None
    for one in history:
        act = targets.act_for(page_id, one)
        files = (_file(page, media_type),) if one is record else ()
        fact = captured_fact(one, head, page["sequence"], replaced)
        yield fact.model_copy(update={"files": files, "acts": (act,) if act else ()})
        replaced = one.event_id


def captured_fact(
    record: CaptureRecord, like: Head, sequence: int, replaces: str | None
) -> PageCaptured:
    """The fact of a capture, without the file; `like` is the head of the page."""
    named = {
        "event_id": record.event_id,
        "occurred_at": datetime.fromisoformat(record.captured_at),
    }
    device, found = record.device, record.found
    return PageCaptured(
        head=like.model_copy(update=named),
        sequence=sequence,
        device_make=device.get("vendor") or None,
        device_model=device.get("model") or None,
        device_serial=device.get("serial") or None,
        resolution_dpi=None if record.driver == ASKS_NOTHING else record.asked["resolution_dpi"],
        operator=record.operator,
        replaces=replaces,
        driver=record.driver,
        driver_version=device.get("driver_version") or None,
        profile=record.profile,
        settings=tuple(_settings(record)),
        icc_profile=found.get("icc_profile"),
        icc_sha256=found.get("icc_sha256"),
        sha256=record.sha256,
        pixels_sha256=record.pixels_sha256,
    )


def _file(page: dict[str, Any], media_type: str) -> FileRef:
    file = page["file"]
    return FileRef(
        use="capture",
        key=staging_key(file["sha256"]),
        sha256=file["sha256"],
        size_bytes=file["size_bytes"],
        media_type=media_type,
    )


def _settings(record: CaptureRecord) -> Iterator[CaptureSetting]:
    """Each setting with what was asked and what the device confirmed, by name."""
    if record.driver == ASKS_NOTHING:
        return
    confirmed = {key: value for key, value in record.confirmed.items() if key not in ABOUT_THE_FILE}
    for name, asked in sorted(record.asked.items()):
        words = [name, *(word for row in ROWS if row.setting == name for word in row.words)]
        kept = [confirmed.pop(word) for word in words if word in confirmed]
        yield CaptureSetting(
            name=name, asked=_text(asked), confirmed=_text(kept[0]) if kept else None
        )
    for name, value in sorted(confirmed.items()):
        yield CaptureSetting(name=name, confirmed=_text(value))


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
