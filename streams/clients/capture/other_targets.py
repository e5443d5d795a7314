"""Finds the colour targets that were captured in other batches for the pages of a batch."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

from schemas.ids import page_id
from streams.clients.capture.capture_folder import CaptureFolder
from streams.clients.capture.item_folders import item_id_of
from streams.clients.station.capture_record import SUFFIX, CaptureRecord
from streams.clients.station.delivered_targets import (
    TARGETS_JSON,
    OtherTarget,
    is_measured,
    read_targets,
    write_targets,
)
from streams.clients.station.target_links import LONGEST, SessionTargets

MEASURED = b'"target": {'
"""What only the record of a measured target contains."""


def link_targets(folder: CaptureFolder) -> list[OtherTarget]:
    """The targets of other batches of this station that count for pages of a batch, which has them
    in a file from then on.

    A target counts for 24 hours, and until the next one that the same device captured with the same
    profile, in any batch. One that is in the file already is known without its batch."""
    own = [
        (page_id(item_id_of(folder, item), one.ref), one)
        for item in folder.items()
        for one in folder.pages(item)
        if one.has_file
    ]
    captures = [each for _, one in own for each in (*one.earlier(), one)]
    others = {
        one.record.event_id: one
        for one in (*read_targets(folder.files / TARGETS_JSON), *_others(folder, captures))
    }
    targets = SessionTargets(own, others.values())
    counting = {found.record.event_id for one in captures if (found := targets.target_of(one))}
    linked = [one for key, one in others.items() if key in counting]
    linked.sort(key=lambda one: one.record.captured_at)
    write_targets(folder.files, linked)
    return linked


def _others(folder: CaptureFolder, captures: Iterable[CaptureRecord]) -> Iterator[OtherTarget]:
    """The measured targets in the other batches of the station that may count."""
    times = [datetime.fromisoformat(one.captured_at) for one in captures]
    if not times:
        return
    since = (min(times) - LONGEST).timestamp()
    for batch in sorted(folder.folder.parent.iterdir()):
        other = CaptureFolder(batch, batch.name)
        if batch == folder.folder or other.profile != folder.profile:
            continue
        for path in sorted(other.files.glob(f"*/*{SUFFIX}")):
            for record in _measured_since(path, since):
                named = page_id(item_id_of(other, path.parent.name), record.ref)
                yield OtherTarget(other.batch_id, named, record)


def _measured_since(path: Path, since: float) -> list[CaptureRecord]:
    """The captures of a target, unless the record was written before a time; most are not read."""
    try:
        if path.stat().st_mtime < since or MEASURED not in path.read_bytes():
            return []
    except OSError:
        return []  # The batch is being changed or removed by its operator.
    record = CaptureRecord.read(path)
    captures = [*record.earlier(), record] if record is not None else []
    return [one for one in captures if is_measured(one)]
