"""Pre-flight: checks the manifest before any work begins, and reports all errors at once."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from processors import profile
from processors.manifest import Item, Manifest, judge
from processors.outcome import Done, Outcome, Rejected, ToolCrashed, rejected, subject
from processors.page_list import Stated, canonical_json, page_list, staging_key
from processors.rules.codes import finding, is_fault
from processors.rules.document import read_document
from processors.rules.language_models import models_installed
from processors.rules.manifest_view import ManifestPath, View
from processors.rules.staged_files import files_arrived
from processors.rules.value_formats import as_instant, is_vendor_checksum
from processors.tools import Area, Storage, Tools
from processors.xml.parser import parse
from processors.xml.submitted_mets import delivered_name, name_key, stated_digests
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
        missing = (
            "the submission names no manifest"
            if received is None
            else f"{received.key} is not in the store"
        )
        return _rejected([finding("batch.manifest-missing", "manifest", missing)])
    body, found = read_document(tools.storage.read(received))
    if body is None:
        return _rejected(found)
    view, staging = View(body, tools.profiles), Staging(tools.storage)
    manifest, found = judge(view, found)
    found += _against_announcement(view.top, batch)
    try:
        found += files_arrived(view, staging, tools.standards, tools.progress)
    except FileNotFoundError as missing:
        raise ToolCrashed(str(missing)) from missing
    found += models_installed(view)
    resolved = view.profile.document
    if manifest is None or resolved is None or any(is_fault(one) for one in found):
        return _rejected(found)
    return _accepted(Accepted(manifest, received, resolved, batch.head.revision), found, tools)


class Staging:
    """What arrived, in the store."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def size(self, sha256: str) -> int | None:
        """Length in bytes, or None when the file did not arrive."""
        return self._storage.size(staging_key(sha256))

    def read(self, sha256: str, size_bytes: int) -> bytes:
        """The bytes of a file that arrived."""
        return self._storage.read(
            FileRef(
                use="record",
                key=staging_key(sha256),
                sha256=sha256,
                size_bytes=size_bytes,
                media_type="application/xml",
            )
        )


def _against_announcement(top: ManifestPath, batch: BatchReceived) -> Iterator[Diagnostic]:
    batch_id, checksums = top.text("batch_id"), top.inner("checksums")
    if batch_id is not None and batch_id != batch.head.batch_id:
        found = f"{batch_id}, published as {batch.head.batch_id}"
        yield finding("batch.id-mismatch", "batch_id", found)
    stated = checksums.text("manifest_sha256") if checksums else None
    if stated is not None and stated != batch.manifest_sha256:
        found = f"{stated}, announced as {batch.manifest_sha256}"
        yield finding("manifest.not-as-announced", "checksums.manifest_sha256", found)


def _rejected(found: list[Diagnostic]) -> Rejected:
    """A single error gives its own code, several a common one; all diagnostics are attached."""
    faults = [one for one in found if is_fault(one)]
    if len(faults) == 1:
        only = faults[0]
        return Rejected(only.code, only.found, only.fix, only.where, tuple(found))
    several = rejected("manifest.faulty", f"{len(faults)} errors: {_summary(faults)}", "manifest")
    return replace(several, diagnostics=tuple(found))


def _summary(found: Iterable[Diagnostic]) -> str:
    counted = Counter(one.code for one in found)
    return ", ".join(f"{code} ({n})" if n > 1 else code for code, n in counted.items())


@dataclass(frozen=True)
class Accepted:
    """A batch that has passed."""

    manifest: Manifest
    received: FileRef
    resolved: dict[str, Any]
    revision: int


def _accepted(of: Accepted, found: list[Diagnostic], tools: Tools) -> Done:
    frozen = tools.storage.keep(
        profile.canonical(of.resolved), area=Area.RECORDS, use="profile", media_type=JSON
    )
    items = (_registered(of, item, frozen, tools) for item in of.manifest.items)
    return Done(_batch_accepted(of, frozen, found, tools), *items)


def _batch_accepted(
    of: Accepted, frozen: FileRef, found: list[Diagnostic], tools: Tools
) -> BatchAccepted:
    manifest, files = of.manifest, [of.received, frozen]
    if len(found) > SHOWN:
        whole = canonical_json([one.model_dump() for one in found])
        files.append(
            tools.storage.keep(whole, area=Area.RECORDS, use="diagnostics", media_type=JSON)
        )
    return BatchAccepted(
        head=subject(manifest.batch_id, revision=of.revision),
        item_count=len(manifest.items),
        page_count=manifest.page_count,
        manifest_sha256=manifest.checksums.manifest_sha256,
        received_sha256=of.received.sha256,
        scanner_profile=manifest.scanner_profile,
        priority=manifest.priority,
        not_before=as_instant(manifest.not_before),
        project=manifest.project,
        operator=manifest.operator,
        diagnostics=tuple(found[:SHOWN]),
        diagnostics_count=len(found),
        files=tuple(files),
        acts=_acts(manifest, of.received, found),
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


def _registered(of: Accepted, item: Item, frozen: FileRef, tools: Tools) -> ItemRegistered:
    stated = _stated(item, Staging(tools.storage))
    pages = tools.storage.keep(
        page_list(of.manifest, of.received, item, stated),
        area=Area.RECORDS,
        use="page-list",
        media_type=JSON,
    )
    return ItemRegistered(
        head=subject(of.manifest.batch_id, item.item_id, revision=of.revision),
        page_count=len(item.pages),
        required_branches=tuple(of.resolved["required_branches"]),
        identifiers=tuple(Identifier(type=one.type, value=one.value) for one in item.identifiers),
        title=item.title,
        priority=of.manifest.priority,
        replaces=item.replaces,
        supplements=item.supplements,
        files=(pages, frozen),
    )


def _stated(item: Item, staging: Staging) -> Stated:
    """Digests that the item's METS state for files, where no two pages share a name."""
    mets = [record.file for record in item.metadata if record.schema_ == "METS"]
    if not mets:
        return {}
    names = Counter(name_key(delivered_name(page.file.path)) for page in item.pages if page.file)
    made: dict[str, set[str]] = {}
    for file in mets:
        for one in stated_digests(parse(staging.read(file.sha256, file.size_bytes))):
            stated = f"{one.algorithm}:{one.digest}"
            name = name_key(one.name)
            if names[name] == 1 and is_vendor_checksum(stated):
                made.setdefault(name, set()).add(stated)
    return {name: tuple(sorted(all_of)) for name, all_of in made.items()}
