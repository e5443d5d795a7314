"""Checks the messages of stations and repositories, and accepts them as facts.

The heads of these facts contain only what was checked: a sender may name any batch and page."""

import re

from processors.captures import capture_acts
from processors.outcome import Done, Outcome, Rejected, rejected, subject
from processors.tools import Storage, Tools, staging_key
from processors.wording import counted
from schemas import ids
from schemas.models import (
    BatchReceived,
    BatchSubmitted,
    CaptureAccepted,
    Fact,
    FileRef,
    Head,
    PackageReceived,
    PageCaptured,
    ReceiptAccepted,
)

SHA256 = re.compile(r"[0-9a-f]{64}\Z")
HIGHEST_REVISION = 1_000_000
PACKAGE_ID = re.compile(r"(?P<item>.+)\.v(?P<revision>[1-9][0-9]{0,5})\Z")
FROM_OUTSIDE = (BatchSubmitted, PageCaptured, PackageReceived)
"""The messages of external clients that are routed."""


def receive_batch(batch: BatchSubmitted, tools: Tools) -> Outcome:
    """Accept a submission that is well-formed and whose manifest is in the store."""
    head = batch.head
    if not ids.BATCH_ID.match(head.batch_id or ""):
        return rejected("batch.id-malformed", f"batch_id {head.batch_id!r}")
    if not _has_derived_id(batch):
        found = f"event_id {head.event_id} is not derived from batch_id and manifest digest"
        return rejected("submission.event-id-wrong", found)
    if not 1 <= head.revision <= HIGHEST_REVISION or (head.revision > 1 and not batch.release):
        found = f"revision {head.revision}, release {batch.release!r}"
        return rejected("submission.revision-wrong", found)
    if batch.operator and not ids.PSEUDONYM.match(batch.operator):
        return _no_pseudonym(batch.operator)
    manifests = [file for file in batch.files if file.use == "manifest"]
    if len(manifests) != 1:
        found = f"files with use manifest: {len(manifests)}, required: 1"
        return rejected("submission.manifest-missing", found)
    missing = _missing_in_store(manifests[0], tools)
    if missing:
        return missing
    return Done(
        BatchReceived(
            head=subject(head.batch_id, revision=head.revision),
            manifest_sha256=batch.manifest_sha256,
            release=batch.release,
            operator=batch.operator,
            station=batch.station,
            files=(manifests[0],),
        )
    )


def _no_pseudonym(operator: str) -> Rejected:
    """The refusal of an operator. It is not repeated: it may be a name, and the log is for ever."""
    return rejected("person.not-a-pseudonym", f"operator of {counted(len(operator), 'character')}")


def _has_derived_id(batch: BatchSubmitted) -> bool:
    return batch.head.event_id == ids.make_id(str(batch.head.batch_id), batch.manifest_sha256)


def _missing_in_store(manifest: FileRef, tools: Tools) -> Rejected | None:
    named = is_staged(manifest)
    size = tools.storage.size(manifest.key) if named else None
    if size == manifest.size_bytes:
        return None
    if not named:
        found = f"the key is {manifest.key}, expected {staging_key(manifest.sha256)}"
    elif size is None:
        found = f"{manifest.key} is not in the store"
    else:
        found = f"{manifest.key} has {size} bytes, expected {manifest.size_bytes}"
    return rejected("submission.manifest-not-in-store", found)


def is_staged(file: FileRef) -> bool:
    """Whether a reference names a staged file, and no master, derivative, package or receipt."""
    return bool(SHA256.match(file.sha256)) and file.key == staging_key(file.sha256)


def accept_capture(capture: PageCaptured, tools: Tools) -> Outcome:
    """Accept the event that a station captured a page."""
    del tools
    about = _captured(capture.head)
    if about is None:
        head = capture.head
        found = (
            f"batch_id {head.batch_id!r}, item_id {head.item_id!r}, page_id {head.page_id!r},"
            f" revision {head.revision}"
        )
        return rejected("capture.subject-missing", found)
    if capture.operator and not ids.PSEUDONYM.match(capture.operator):
        return _no_pseudonym(capture.operator)
    for file in capture.files:
        if not is_staged(file):
            return rejected("file.not-staged", f"the key {file.key!r} with use {file.use!r}")
    wrong = _wrong_digest(capture)
    if wrong:
        return rejected("capture.digest-wrong", wrong)
    stated = capture.model_dump(exclude={"head", "files", "acts"})
    return Done(
        CaptureAccepted(
            head=about,
            capture_id=capture.head.event_id,
            captured_at=capture.head.occurred_at,
            files=capture.files,
            acts=capture_acts(capture),
            **stated,
        )
    )


def _wrong_digest(capture: PageCaptured) -> str | None:
    """What is wrong with the digests of a capture, or None."""
    for name in ("sha256", "pixels_sha256", "icc_sha256"):
        digest = getattr(capture, name)
        if digest is not None and not SHA256.match(digest):
            return f"{name} is {digest[:100]!r}"
    others = [file.sha256 for file in capture.files if capture.sha256 not in (None, file.sha256)]
    return f"sha256 is {capture.sha256}, the file has {others[0]}" if others else None


def _captured(head: Head) -> Head | None:
    """The batch, item and page of a capture; None unless they are well-formed and agree."""
    item_id, _, ref = (head.page_id or "").rpartition(":")
    well_formed = (
        ids.BATCH_ID.match(head.batch_id or "")
        and ids.ITEM_ID.match(item_id)
        and ids.PAGE_REF.match(ref)
    )
    if not well_formed or head.item_id not in (None, item_id):
        return None
    if not 1 <= head.revision <= HIGHEST_REVISION:
        return None
    return subject(head.batch_id, item_id, head.page_id, head.revision)


def accept_receipt(receipt: PackageReceived, tools: Tools) -> Outcome:
    """Accept the answer of a repository about a package."""
    if not receipt.accepted and not receipt.reason:
        return rejected("receipt.reason-missing", "the package is refused, and the reason is empty")
    named = PACKAGE_ID.match(receipt.package_id)
    if named is None or not ids.ITEM_ID.match(named["item"]):
        return rejected("receipt.package-malformed", f"package_id {receipt.package_id[:500]!r}")
    item_id, revision = named["item"], int(named["revision"])
    batch_id = receipt.head.batch_id
    if not _was_assembled(batch_id, item_id, revision, tools.storage):
        batch_id = None
    stated = receipt.model_dump(exclude={"head", "files", "acts"})
    return Done(
        ReceiptAccepted(head=subject(batch_id, item_id, revision=revision), **stated),
    )


def _was_assembled(batch_id: str | None, item_id: str, revision: int, storage: Storage) -> bool:
    """Whether the store has a receipt of assembling this item in this batch."""
    if not ids.BATCH_ID.match(batch_id or ""):
        return False
    work_id = ids.work_id(ids.make_id(item_id, revision, "ItemCompleted"), "assemble_package")
    # Work that was deferred and then released has a receipt of its first attempt.
    keys = (ids.receipt_key(batch_id, work_id), ids.receipt_key(batch_id, work_id, 1))
    return any(storage.size(key) is not None for key in keys)


def proven_subject(fact: Fact) -> Head:
    """The head of a fact for a record of a failure. Of a message of an external client it keeps the
    batch alone, if the id of the submission is derived from it."""
    if not isinstance(fact, FROM_OUTSIDE):
        return fact.head
    head, batch_id = fact.head, None
    if isinstance(fact, BatchSubmitted) and ids.BATCH_ID.match(head.batch_id or ""):
        batch_id = head.batch_id if _has_derived_id(fact) else None
    named = {"batch_id": batch_id, "item_id": None, "page_id": None, "revision": 1}
    return head.model_copy(update=named)
