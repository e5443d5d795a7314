"""Checks the messages of stations and repositories, and accepts them as facts."""

import re

from processors.outcome import Done, Outcome, Rejected, rejected
from processors.tools import Tools
from schemas import ids
from schemas.models import (
    BatchReceived,
    BatchSubmitted,
    CaptureAccepted,
    FileRef,
    PackageReceived,
    PageCaptured,
    ReceiptAccepted,
)

SHA256 = re.compile(r"[0-9a-f]{64}\Z")


def receive_batch(batch: BatchSubmitted, tools: Tools) -> Outcome:
    """Accept a submission that is well-formed and whose manifest is in the store."""
    head = batch.head
    if not ids.BATCH_ID.match(head.batch_id or ""):
        return rejected("batch.id-malformed", f"batch_id {head.batch_id!r}")
    if head.event_id != ids.make_id(str(head.batch_id), batch.manifest_sha256):
        found = f"event_id {head.event_id} is not derived from batch_id and manifest digest"
        return rejected("submission.event-id-wrong", found)
    if batch.operator and not ids.PSEUDONYM.match(batch.operator):
        return rejected("person.not-a-pseudonym", f"operator {batch.operator!r}")
    manifests = [file for file in batch.files if file.use == "manifest"]
    if len(manifests) != 1:
        found = f"files with use manifest: {len(manifests)}, required: 1"
        return rejected("submission.manifest-missing", found)
    missing = _missing_in_store(manifests[0], tools)
    if missing:
        return missing
    return Done(
        BatchReceived(
            manifest_sha256=batch.manifest_sha256,
            release=batch.release,
            operator=batch.operator,
            station=batch.station,
            files=(manifests[0],),
        )
    )


def _missing_in_store(manifest: FileRef, tools: Tools) -> Rejected | None:
    expected = f"staging/sha256/{manifest.sha256[:2]}/{manifest.sha256}"
    named = SHA256.match(manifest.sha256) and manifest.key == expected
    size = tools.storage.size(manifest.key) if named else None
    if size == manifest.size_bytes:
        return None
    if not named:
        found = f"the key is {manifest.key}, expected {expected}"
    elif size is None:
        found = f"{manifest.key} is not in the store"
    else:
        found = f"{manifest.key} has {size} bytes, expected {manifest.size_bytes}"
    return rejected("submission.manifest-not-in-store", found)


def accept_capture(capture: PageCaptured, tools: Tools) -> Outcome:
    """Accept the event that a station captured a page."""
    del tools
    head = capture.head
    if not (head.batch_id and head.page_id and ids.BATCH_ID.match(head.batch_id)):
        found = f"batch_id {head.batch_id!r}, page_id {head.page_id!r}"
        return rejected("capture.subject-missing", found)
    stated = capture.model_dump(exclude={"head", "files", "acts"})
    return Done(CaptureAccepted(capture_id=head.event_id, files=capture.files, **stated))


def accept_receipt(receipt: PackageReceived, tools: Tools) -> Outcome:
    """Accept the answer of a repository about a package."""
    del tools
    if not receipt.accepted and not receipt.reason:
        return rejected("receipt.reason-missing", "the package is refused, and the reason is empty")
    stated = receipt.model_dump(exclude={"head", "files", "acts"})
    return Done(ReceiptAccepted(**stated))
