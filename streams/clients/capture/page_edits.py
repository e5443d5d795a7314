"""What an operator changes about pages that are there: skip, remove, describe."""

from dataclasses import replace
from datetime import UTC, datetime

from schemas.ids import made_safe
from streams.clients.capture.capture_folder import CaptureFolder
from streams.clients.capture.capture_problem import CaptureProblem
from streams.clients.capture.captured_page import Place
from streams.clients.capture.page_places import before
from streams.clients.capture.target_measuring import TargetMeasuring
from streams.clients.station.capture_record import MISSING, REMOVED, SKIPPED, CaptureRecord
from streams.clients.targets.places import Numbers


def find_page(folder: CaptureFolder, name: str) -> tuple[str, CaptureRecord | None]:
    """The item and the page that ITEM or ITEM:REF names. Raises CaptureProblem."""
    for item, ref in ((name, None), tuple(name.rpartition(":")[::2])):
        at = made_safe(item) if item else ""
        if not at or not (folder.files / at).is_dir():
            continue
        page = folder.page(at, ref) if ref else None
        if page is not None or not ref:
            return at, page
    found = f"batch {folder.batch_id} has no page {name}"
    raise CaptureProblem("capture.page-unknown", found, batch=folder.batch_id)


def place_beside(folder: CaptureFolder, item: str, page: CaptureRecord, side: str) -> Place:
    """The place directly before or after a page."""
    follows = page.ref if side == "after" else before(folder.records(item), page.ref)
    return Place(follows=follows)


def skip_page(
    folder: CaptureFolder, item: str, place: Place, reason: str, operator: str | None
) -> CaptureRecord:
    """Record a page that cannot be captured, in place of a page or as a new one."""
    if place.replaced is not None:
        return folder.vacate(item, place.replaced, SKIPPED, reason)
    record = CaptureRecord(
        ref=folder.next_ref(item),
        file="",
        sha256="",
        size_bytes=0,
        captured_at=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
        driver="",
        device={},
        profile=folder.profile or "",
        asked={},
        confirmed={},
        found={},
        operator=operator,
        kind=MISSING,
        state=SKIPPED,
        follows=place.follows,
        reason=reason,
    )
    folder.skip(item, record)
    return record


def remove_page(
    folder: CaptureFolder, item: str, page: CaptureRecord, reason: str
) -> CaptureRecord:
    """Take a page out of its item. Its capture is kept, and its ref is not used again."""
    return folder.vacate(item, page, REMOVED, reason)


def describe_page(
    folder: CaptureFolder,
    item: str,
    page: CaptureRecord,
    kind: str | None,
    labels: list[str] | None,
    targets: TargetMeasuring,
    corners: Numbers | None = None,
) -> CaptureRecord:
    """Change the kind or the labels of a page; None leaves them. A page that becomes a target is
    measured, also again if the corners of its chart are given."""
    if kind is not None and (kind == MISSING) is not (page.state == SKIPPED):
        found = f"{item}:{page.ref} is {page.state}, so its kind cannot be {kind}"
        raise CaptureProblem("capture.kind-differs", found)
    kind = kind or page.kind
    labels = page.labels if labels is None else labels
    changed = replace(page, kind=kind, labels=labels)
    if page.has_file and (kind != page.kind or corners is not None):
        changed = targets.measured(changed, folder.files / item / page.file, corners)
    folder.describe(item, changed)
    return changed
