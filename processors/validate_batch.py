"""Pre-flight: checks a batch before any page is processed, and reports all findings at once."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from processors import profile
from processors.files_not_packaged import acts_and_list
from processors.frozen_profile import with_installed
from processors.manifest import Item, Manifest, check_manifest
from processors.outcome import Done, Outcome, Rejected, ToolMissing, rejected, subject
from processors.page_list import DigestsByName, canonical_json, page_list
from processors.rules.codes import finding, is_error
from processors.rules.document import read_document
from processors.rules.installed_engine import engine_installed
from processors.rules.language_models import models_installed
from processors.rules.manifest_view import ManifestPath, View
from processors.rules.staged_files import delivered_file_findings
from processors.rules.value_formats import as_instant, is_vendor_checksum
from processors.tools import Area, Storage, Tools, staging_key
from processors.wording import counted
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

DIAGNOSTICS_IN_FACT = 20
JSON = "application/json"


def validate_batch(batch: BatchReceived, tools: Tools) -> Outcome:
    """Check a batch; accept it and register its items if there are no errors."""
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
    manifest, found = check_manifest(view, found)
    found += _announcement_findings(view.top, batch)
    try:
        found += delivered_file_findings(view, staging, tools.standards, tools.progress)
    except FileNotFoundError as missing:
        raise ToolMissing(str(missing)) from missing
    found += engine_installed(view)
    found += models_installed(view)
    resolved = view.profile.document
    if manifest is None or resolved is None or any(is_error(one) for one in found):
        return _rejected(found)
    if resolved["ocr"]["enabled"]:
        resolved = with_installed(resolved)
    return _accepted(AcceptedBatch(manifest, received, resolved, batch.head.revision), found, tools)


class Staging:
    """The delivered files in the staging area of the store."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def size(self, sha256: str) -> int | None:
        """Size in bytes, or None if the file is not there."""
        return self._storage.size(staging_key(sha256))

    def read(self, sha256: str, size_bytes: int) -> bytes:
        """The bytes of a delivered file."""
        return self._storage.read(
            FileRef(
                use="record",
                key=staging_key(sha256),
                sha256=sha256,
                size_bytes=size_bytes,
                media_type="application/xml",
            )
        )


def _announcement_findings(top: ManifestPath, batch: BatchReceived) -> Iterator[Diagnostic]:
    batch_id, checksums = top.text("batch_id"), top.inner("checksums")
    if batch_id is not None and batch_id != batch.head.batch_id:
        found = f"{batch_id}, published as {batch.head.batch_id}"
        yield finding("batch.id-mismatch", "batch_id", found)
    stated = checksums.text("manifest_sha256") if checksums else None
    if stated is not None and stated != batch.manifest_sha256:
        found = f"{stated}, announced as {batch.manifest_sha256}"
        yield finding("manifest.not-as-announced", "checksums.manifest_sha256", found)


def _rejected(found: list[Diagnostic]) -> Rejected:
    """Reject with the code of a single error or a common code; all diagnostics are attached."""
    errors = [one for one in found if is_error(one)]
    if len(errors) == 1:
        only = errors[0]
        return Rejected(only.code, only.found, only.fix, only.where, tuple(found))
    several = rejected("manifest.faulty", f"{len(errors)} errors: {_summary(errors)}", "manifest")
    return replace(several, diagnostics=tuple(found))


def _summary(found: Iterable[Diagnostic]) -> str:
    counted = Counter(one.code for one in found)
    return ", ".join(f"{code} ({n})" if n > 1 else code for code, n in counted.items())


@dataclass(frozen=True)
class AcceptedBatch:
    """A batch without errors."""

    manifest: Manifest
    received: FileRef
    resolved: dict[str, Any]
    revision: int


def _accepted(of: AcceptedBatch, found: list[Diagnostic], tools: Tools) -> Done:
    frozen = tools.storage.keep(
        profile.canonical(of.resolved), area=Area.RECORDS, use="profile", media_type=JSON
    )
    items = (_registered(of, item, frozen, tools) for item in of.manifest.items)
    return Done(_batch_accepted(of, frozen, found, tools), *items)


def _batch_accepted(
    of: AcceptedBatch, frozen: FileRef, found: list[Diagnostic], tools: Tools
) -> BatchAccepted:
    manifest, files = of.manifest, [of.received, frozen]
    not_packaged, lists = acts_and_list(manifest.not_packaged, tools.storage)
    files += lists
    if len(found) > DIAGNOSTICS_IN_FACT:
        content = canonical_json([one.model_dump() for one in found])
        files.append(
            tools.storage.keep(content, area=Area.RECORDS, use="diagnostics", media_type=JSON)
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
        diagnostics=tuple(found[:DIAGNOSTICS_IN_FACT]),
        diagnostics_count=len(found),
        files=tuple(files),
        acts=(*_acts(manifest, of.received, found), *not_packaged),
    )


def _acts(manifest: Manifest, received: FileRef, found: list[Diagnostic]) -> tuple[Act, ...]:
    size = f"{counted(len(manifest.items), 'item')}, {counted(manifest.page_count, 'page')}"
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
        detail=f"Pre-flight of {size}: "
        + (f"{counted(len(found), 'warning')}: {_summary(found)}" if found else "no findings")
        + (f". Capture order: {manifest.order}" if manifest.order else ""),
        # The tracker reads the order from here.
        sources=(*stored, f"order:{manifest.order}") if manifest.order else stored,
    )
    return fixity, validation


def _registered(of: AcceptedBatch, item: Item, frozen: FileRef, tools: Tools) -> ItemRegistered:
    stated = _digests_in_mets(item, Staging(tools.storage))
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


def _digests_in_mets(item: Item, staging: Staging) -> DigestsByName:
    """Digests in the METS records of an item, for file names that only one page has."""
    mets = [record.file for record in item.metadata if record.schema_ == "METS"]
    if not mets:
        return {}
    names = Counter(name_key(delivered_name(page.file.path)) for page in item.pages if page.file)
    digests: dict[str, set[str]] = {}
    for file in mets:
        for one in stated_digests(parse(staging.read(file.sha256, file.size_bytes))):
            stated = f"{one.algorithm}:{one.digest}"
            name = name_key(one.name)
            if names[name] == 1 and is_vendor_checksum(stated):
                digests.setdefault(name, set()).add(stated)
    return {name: tuple(sorted(values)) for name, values in digests.items()}
