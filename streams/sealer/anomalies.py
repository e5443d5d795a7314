"""Keeps a record that cannot be sealed as it is, and makes the event that tells of it."""

import json
import os
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from processors.premis import event_type_uri, makers
from schemas.codec import TooLarge, encode
from schemas.ids import make_id
from schemas.models import Head, PremisEvent, Producer
from streams.sealer.validation import Arrival, Refused, Sealable, sealable
from streams.storage.local import fsync_folder

TYPE = "log-anomaly"


def keep(folder: Path, arrival: Arrival, refused: Refused) -> Path:
    """Keep the record's bytes and where it stood, on disk before anything is sealed about it."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{arrival.partition}-{arrival.offset}"
    circumstances = {
        "topic": arrival.topic,
        "partition": arrival.partition,
        "offset": arrival.offset,
        "arrived_at": arrival.arrived_at.isoformat(),
        "key": None if arrival.key is None else arrival.key.hex(),
        "headers": [[name, value.hex()] for name, value in arrival.headers],
        "value_is_null": arrival.value is None,
        "sha256": sha256(arrival.value or b"").hexdigest(),
        "code": refused.code,
        "found": refused.found,
    }
    _write(folder / f"{name}.value", arrival.value or b"")
    _write(folder / f"{name}.json", json.dumps(circumstances, indent=1, sort_keys=True).encode())
    for written in (folder, folder.parent, folder.parent.parent):
        fsync_folder(written)
    for draft in folder.glob(f".{name}.*"):
        draft.unlink(missing_ok=True)  # of a sealer that died here
    return folder / f"{name}.value"


def told(arrival: Arrival, refused: Refused, made_by: Producer) -> Sealable:
    """The event to seal instead: the same for the same record, whenever it is read."""
    try:
        event = _event(arrival, refused, made_by)
        return sealable(event, encode(event))
    except TooLarge:  # the suspect's own ids fill the limit: tell it without them
        event = _event(arrival, replace(refused, event=None), made_by)
        return sealable(event, encode(event))


def _event(arrival: Arrival, refused: Refused, made_by: Producer) -> PremisEvent:
    suspect = refused.event.head if refused.event else None
    found = refused.found[:1000].encode("utf-8", "replace").decode()
    return PremisEvent(
        head=Head(
            event_id=make_id("sealer", arrival.partition, arrival.offset),
            cause_id=suspect.cause_id if suspect else None,
            batch_id=suspect.batch_id if suspect else None,
            item_id=suspect.item_id if suspect else None,
            page_id=suspect.page_id if suspect else None,
            revision=suspect.revision if suspect else 1,
            occurred_at=arrival.arrived_at,
            producer=made_by,
        ),
        fact="PremisEvent",
        ordinal=0,
        event_type=TYPE,
        event_type_uri=event_type_uri(TYPE),
        outcome="fai",
        code=refused.code,
        detail=f"{arrival.topic}, partition {arrival.partition}, offset {arrival.offset}: "
        f"{found}. Its bytes are kept with the sealer.",
        agents=tuple(makers(made_by)),
        sources=(f"sha256:{sha256(arrival.value or b'').hexdigest()}",),
    )


def _write(path: Path, content: bytes) -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
