"""The front door: what is checked of strangers' messages, and the facts made of them."""

import re

from processors.outcome import Done, Outcome, Rejected
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
ASK_THE_STATION = "Correct the station's software, then submit again with: copystand station submit"


def receive_batch(batch: BatchSubmitted, tools: Tools) -> Outcome:
    """Take a submission in when it is well formed and its manifest is in the store."""
    head = batch.head
    if not ids.BATCH_ID.match(head.batch_id or ""):
        return Rejected(
            "batch.id-malformed", found=f"batch_id {head.batch_id!r}", fix=ASK_THE_STATION
        )
    if head.event_id != ids.make_id(str(head.batch_id), batch.manifest_sha256):
        found = f"event_id {head.event_id} does not come from batch_id and manifest digest"
        return Rejected("submission.event-id-wrong", found=found, fix=ASK_THE_STATION)
    if batch.operator and not ids.PSEUDONYM.match(batch.operator):
        fix = "Use a pseudonym such as o-17; copystand person add NAME gives one."
        return Rejected("person.not-a-pseudonym", found=f"operator {batch.operator!r}", fix=fix)
    manifests = [file for file in batch.files if file.use == "manifest"]
    if len(manifests) != 1:
        found = f"{len(manifests)} files of use manifest, 1 is needed"
        return Rejected("submission.manifest-missing", found=found, fix=ASK_THE_STATION)
    fault = _not_in_store(manifests[0], tools)
    if fault:
        return fault
    return Done(
        BatchReceived(
            manifest_sha256=batch.manifest_sha256,
            release=batch.release,
            operator=batch.operator,
            station=batch.station,
            files=(manifests[0],),
        )
    )


def _not_in_store(manifest: FileRef, tools: Tools) -> Rejected | None:
    expected = f"staging/sha256/{manifest.sha256[:2]}/{manifest.sha256}"
    named = SHA256.match(manifest.sha256) and manifest.key == expected
    size = tools.storage.size(manifest.key) if named else None
    if size == manifest.size_bytes:
        return None
    found = (
        f"key {manifest.key} with {size} bytes; {expected} with {manifest.size_bytes} was stated"
    )
    return Rejected("submission.manifest-not-in-store", found=found, fix=ASK_THE_STATION)


def accept_capture(capture: PageCaptured, tools: Tools) -> Outcome:
    """Take in that a station captured a page."""
    del tools
    head = capture.head
    if not (head.batch_id and head.page_id and ids.BATCH_ID.match(head.batch_id)):
        found = f"batch_id {head.batch_id!r}, page_id {head.page_id!r}"
        return Rejected("capture.subject-missing", found=found, fix=ASK_THE_STATION)
    stated = capture.model_dump(exclude={"head", "files", "acts"})
    return Done(CaptureAccepted(capture_id=head.event_id, files=capture.files, **stated))


def accept_receipt(receipt: PackageReceived, tools: Tools) -> Outcome:
    """Take in that a repository accepted or refused a package."""
    del tools
    if not receipt.accepted and not receipt.reason:
        fix = "Say why the package was refused, then send the answer again."
        return Rejected("receipt.reason-missing", found="refused without a reason", fix=fix)
    stated = receipt.model_dump(exclude={"head", "files", "acts"})
    return Done(ReceiptAccepted(**stated))
