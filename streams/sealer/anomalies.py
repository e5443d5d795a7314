"""Preserves a record that cannot be sealed unchanged, and builds the event that reports it."""

import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from infra.files import fsync_folder, write_atomic
from schemas.codec import TooLarge
from schemas.ids import make_id
from schemas.models import Head, PremisEvent, Producer
from streams.audit.log_events import ANOMALY, log_event
from streams.audit.object_names import file_name
from streams.sealer.validation import IntakeRecord, InvalidRecord, ValidEvent, valid_event


def preserve(folder: Path, record: IntakeRecord, invalid: InvalidRecord) -> Path:
    """Write the record and its origin to disk, before an event about it is sealed."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{record.partition}-{record.offset}"
    origin = {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "arrived_at": record.arrived_at.isoformat(),
        "key": None if record.key is None else record.key.hex(),
        "headers": [[name, value.hex()] for name, value in record.headers],
        "value_is_null": record.value is None,
        "sha256": sha256(record.value or b"").hexdigest(),
        "code": invalid.code,
        "found": invalid.found,
    }
    write_atomic(folder / f"{name}.value", record.value or b"")
    write_atomic(folder / f"{name}.json", json.dumps(origin, indent=1, sort_keys=True))
    for parent in (folder.parent, folder.parent.parent):
        fsync_folder(parent)
    for draft in folder.glob(f".{name}.*"):
        draft.unlink(missing_ok=True)  # left by a sealer that crashed here
    return folder / f"{name}.value"


def anomaly_event(record: IntakeRecord, invalid: InvalidRecord, made_by: Producer) -> ValidEvent:
    """The event to seal instead of the record; the same record always gives the same event."""
    try:
        return valid_event(_event(record, invalid, made_by))
    except TooLarge:  # the ids of the record's own event fill the limit: leave them out
        return valid_event(_event(record, replace(invalid, event=None), made_by))


def _event(record: IntakeRecord, invalid: InvalidRecord, made_by: Producer) -> PremisEvent:
    subject = invalid.event
    found = invalid.found[:1000].encode("utf-8", "replace").decode()
    place = f"{record.topic}, partition {record.partition}, offset {record.offset}"
    return log_event(
        ANOMALY,
        Head(
            event_id=make_id("sealer", record.partition, record.offset),
            cause_id=subject.cause_id if subject else None,
            batch_id=subject.batch_id if subject else None,
            item_id=subject.item_id if subject else None,
            page_id=subject.page_id if subject else None,
            revision=subject.revision if subject else 1,
            occurred_at=record.arrived_at,
            producer=made_by,
        ),
        f"{place}: {found}. Its bytes are kept with the sealer.",
        code=invalid.code,
        sources=[file_name(sha256(record.value or b"").hexdigest())],
    )
