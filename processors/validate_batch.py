"""Pre-flight: nothing is computed before the manifest has passed; all faults are told at once."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from processors import profile
from processors.manifest import Item, Manifest, judge
from processors.outcome import Done, Outcome, Rejected, subject
from processors.page_list import canonical_json, page_list, staging_key
from processors.rules.codes import CODES, finding, is_fault
from processors.rules.document import read_document
from processors.rules.forms import as_instant
from processors.rules.models import models_installed
from processors.rules.presence import files_present
from processors.rules.view import Place, View
from processors.tools import Area, Tools
from schemas.models import (
    Act,
    BatchAccepted,
    BatchReceived,
    Diagnostic,
    FileRef,
    Identifier,
    ItemRegistered,
)

SHOWN = 20
JSON = "application/json"


def validate_batch(batch: BatchReceived, tools: Tools) -> Outcome:
    """Judge a batch by its manifest; accepted, its items are registered with their page lists."""
    received = next((file for file in batch.files if file.use == "manifest"), None)
    if received is None or tools.storage.size(staging_key(received.sha256)) is None:
        missing = "no manifest is named" if received is None else f"{received.key} is not stored"
        return _rejected([finding("batch.manifest-missing", "manifest", missing)])
    body, found = read_document(tools.storage.read(received))
    if body is None:
        return _rejected(found)
    manifest, found = judge(body, found)
    found += _against_announcement(View(body).top, batch)
    found += files_present(View(body), tools.storage, tools.progress)
    if manifest is None:
        return _rejected(found)
    resolved = profile.resolve(manifest.scanner_profile)
    if resolved["ocr"]["enabled"]:
        found += models_installed(manifest)
    if any(is_fault(one) for one in found):
        return _rejected(found)
    frozen = tools.storage.keep(
        profile.canonical(resolved), area=Area.RECORDS, use="profile", media_type=JSON
    )
    revision = batch.head.revision
    items = (
        _registered(manifest, item, received, frozen, resolved, revision, tools)
        for item in manifest.items
    )
    return Done(_accepted(manifest, received, frozen, revision, found, tools), *items)


def _against_announcement(top: Place, batch: BatchReceived) -> Iterator[Diagnostic]:
    batch_id, checksums = top.text("batch_id"), top.inner("checksums")
    if batch_id is not None and batch_id != batch.head.batch_id:
        found = f"{batch_id}, published as {batch.head.batch_id}"
        yield finding("batch.id-mismatch", "batch_id", found)
    stated = checksums.text("manifest_sha256") if checksums else None
    if stated is not None and stated != batch.manifest_sha256:
        found = f"{stated}, announced as {batch.manifest_sha256}"
        yield finding("manifest.not-as-announced", "checksums.manifest_sha256", found)


def _rejected(found: list[Diagnostic]) -> Rejected:
    """One fault by its own code, more of them by a common one; all that was found goes along."""
    faults = [one for one in found if is_fault(one)]
    if len(faults) == 1:
        only = faults[0]
        return Rejected(only.code, only.found, only.fix, only.where, tuple(found))
    return Rejected(
        "manifest.faulty",
        found=f"{len(faults)} faults: {_summary(faults)}",
        fix=CODES["manifest.faulty"].fix,
        where="manifest",
        diagnostics=tuple(found),
    )


def _summary(found: Iterable[Diagnostic]) -> str:
    counted = Counter(one.code for one in found)
    return ", ".join(f"{code} ({n})" if n > 1 else code for code, n in counted.items())


def _accepted(
    manifest: Manifest,
    received: FileRef,
    frozen: FileRef,
    revision: int,
    found: list[Diagnostic],
    tools: Tools,
) -> BatchAccepted:
    files = [received, frozen]
    if len(found) > SHOWN:
        whole = canonical_json([one.model_dump() for one in found])
        files.append(
            tools.storage.keep(whole, area=Area.RECORDS, use="diagnostics", media_type=JSON)
        )
    return BatchAccepted(
        head=subject(manifest.batch_id, revision=revision),
        item_count=len(manifest.items),
        page_count=manifest.page_count,
        manifest_sha256=manifest.checksums.manifest_sha256,
        received_sha256=received.sha256,
        scanner_profile=manifest.scanner_profile,
        priority=manifest.priority,
        not_before=as_instant(manifest.not_before),
        project=manifest.project,
        operator=manifest.operator,
        diagnostics=tuple(found[:SHOWN]),
        diagnostics_count=len(found),
        files=tuple(files),
        acts=_acts(manifest, received, found),
    )


def _acts(manifest: Manifest, received: FileRef, found: list[Diagnostic]) -> tuple[Act, ...]:
    counted = f"{len(manifest.items)} items, {manifest.page_count} pages"
    stored = (f"sha256:{received.sha256}",)
    fixity = Act(
        type="fixity check",
        outcome="suc",
        detail="The manifest's body has the SHA-256 that its checksums and the submission state: "
        f"{manifest.checksums.manifest_sha256}",
        sources=stored,
    )
    validation = Act(
        type="validation",
        outcome="war" if found else "suc",
        code=found[0].code if found else None,
        detail=f"Pre-flight of {counted}: "
        + (f"{len(found)} warnings: {_summary(found)}" if found else "no findings"),
        sources=stored,
    )
    return fixity, validation


def _registered(
    manifest: Manifest,
    item: Item,
    received: FileRef,
    frozen: FileRef,
    resolved: dict[str, Any],
    revision: int,
    tools: Tools,
) -> ItemRegistered:
    pages = tools.storage.keep(
        page_list(manifest, received, item), area=Area.RECORDS, use="page-list", media_type=JSON
    )
    return ItemRegistered(
        head=subject(manifest.batch_id, item.item_id, revision=revision),
        page_count=len(item.pages),
        required_branches=tuple(resolved["required_branches"]),
        identifiers=tuple(Identifier(type=one.type, value=one.value) for one in item.identifiers),
        title=item.title,
        priority=manifest.priority,
        replaces=item.replaces,
        supplements=item.supplements,
        files=(pages, frozen),
    )
