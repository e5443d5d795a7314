"""From a folder to a manifest, inventing nothing: what is there, in order, with its digests."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any

from processors.rules.body_digest import body_digest
from schemas.ids import made_safe
from schemas.models import Diagnostic
from streams.clients.station import fixity
from streams.clients.station.findings import finding, is_fatal
from streams.clients.station.grouping import Group, bags_among, group
from streams.clients.station.minimal_record import station_record
from streams.clients.station.page_order import pages_of
from streams.clients.station.scan import DeliveredFile, Progress, natural, scan, silent
from streams.clients.station.sidecar_files import ITEM_JSON, PAGES_CSV, Row, item_fields

DEFAULT_PROFILE = "as-delivered"
DEFAULT_LANGUAGE = "eng"
STATION_RECORD = "made-by-station.dc.xml"
XML = "application/xml"
UNKNOWN = "application/octet-stream"
VENDORS = ("md5", "sha1", "sha512")
"""Algorithms of delivered digests that travel on with the file."""


@dataclass(frozen=True)
class SubmissionOptions:
    """What the person at the station says about the whole batch."""

    batch_id: str
    profile: str = DEFAULT_PROFILE
    language: str = DEFAULT_LANGUAGE
    metadata_schema: str | None = None
    operator: str | None = None
    priority: str = "normal"
    project: str | None = None
    not_before: str | None = None
    """Work on it begins then at the earliest: a time with its zone."""


@dataclass(frozen=True)
class DeliveryFolder:
    """Where a listed file's bytes come from."""

    name: str
    content: DeliveredFile | bytes
    sha256: str
    size_bytes: int
    use: str
    media_type: str


@dataclass
class Delivery:
    """A folder as a batch."""

    manifest: dict[str, Any] = field(default_factory=dict)
    sources: list[DeliveryFolder] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    """Name of the folder of each item, in the manifest's order."""
    diagnostics: list[Diagnostic] = field(default_factory=list)
    vendor_checksums: dict[str, list[str]] = field(default_factory=dict)
    """Delivered digests that agreed, as `md5:…`, by name of the file."""

    @property
    def page_count(self) -> int:
        """Pages of all items."""
        return sum(len(item["pages"]) for item in self.manifest.get("items", ()))

    @property
    def size_bytes(self) -> int:
        """Bytes of all files listed."""
        return sum(source.size_bytes for source in self.sources)

    @property
    def may_be_published(self) -> bool:
        """Whether nothing was met that forbids it."""
        return bool(self.manifest.get("items")) and not any(map(is_fatal, self.diagnostics))


def read_folder(folder: Path, wishes: SubmissionOptions, progress: Progress = silent) -> Delivery:
    """The delivery in a folder (docs/contract.md §2). Nothing in it is touched."""
    scanned = scan(folder)
    files = {one.name: one for one in scanned.files}
    bags = bags_among(scanned.files)
    promises = _promises(files, bags)
    visible = [one for one in scanned.files if not one.is_skipped]
    # A name that is no UTF-8 is refused; what is told of it must be writable all the same.
    name = folder.resolve().name.encode("utf-8", "backslashreplace").decode()
    grouping = group(visible, name, bags)
    made = Delivery(diagnostics=[*scanned.diagnostics, *promises.diagnostics])
    made.diagnostics += grouping.diagnostics
    made.vendor_checksums = _vendor_checksums(promises)
    wanted = (one for each in grouping.groups for one in each.files)
    digests, found = fixity.digest_all(wanted, promises, files, progress)
    made.diagnostics += found
    if not grouping.groups:
        found_text = f"{len(visible)} files, no image among them"
        made.diagnostics.append(finding("folder.nothing-readable", str(folder.name), found_text))
    items = [
        _item(each, wishes, digests, promises.consumed, made)
        for each in sorted(grouping.groups, key=lambda each: natural(each.name))
    ]
    _tell_left_over(grouping.left_over, promises.consumed, made)
    made.manifest = _manifest(wishes, items)
    return made


def _vendor_checksums(promises: fixity.StatedChecksums) -> dict[str, list[str]]:
    stated: dict[str, set[str]] = {}
    for one in promises.expected:
        if one.algorithm in VENDORS:
            stated.setdefault(one.name, set()).add(f"{one.algorithm}:{one.digest}")
    return {name: sorted(all_of) for name, all_of in stated.items()}


def _promises(files: fixity.Files, bags: list[str]) -> fixity.StatedChecksums:
    made = fixity.lists_of(files)
    for bag in bags:
        stated = fixity.bag_of(bag, files)
        made.expected += stated.expected
        made.consumed |= stated.consumed
        made.diagnostics += stated.diagnostics
    return made


def _manifest(wishes: SubmissionOptions, items: list[dict[str, Any]]) -> dict[str, Any]:
    records = [record for item in items for record in item["metadata"]]
    pages = [page for item in items for page in item["pages"]]
    body = {
        "batch_id": wishes.batch_id,
        "scanner_profile": wishes.profile,
        "file_count": len(records)
        + sum(page["file"] is not None for page in pages)
        + sum("text" in page for page in pages),
        "metadata_schema": wishes.metadata_schema or _main_schema(items),
        "project": wishes.project,
        "priority": wishes.priority,
        "not_before": wishes.not_before,
        "operator": wishes.operator,
        "items": items,
    }
    return {**body, "checksums": {"manifest_sha256": body_digest(body)}}


def _main_schema(items: list[dict[str, Any]]) -> str:
    """The descriptive form that every item has."""
    forms = [{record["schema"] for record in item["metadata"]} for item in items]
    common = set.intersection(*forms) if forms else set()
    return next((form for form in ("MODS", "DublinCore", "METS") if form in common), "DublinCore")


def _item(
    of: Group,
    wishes: SubmissionOptions,
    digests: dict[str, str],
    consumed: set[str],
    made: Delivery,
) -> dict[str, Any]:
    beside = {PurePosixPath(one.name).name.casefold(): one for one in of.files}
    fields, found = item_fields(beside.get(ITEM_JSON))
    images = [one for one in of.files if one.is_image]
    others = [one for one in of.files if not one.is_image]
    rows = pages_of(beside.get(PAGES_CSV), images, others)
    made.diagnostics += [*found, *rows.diagnostics]
    item: dict[str, Any] = {
        "item_id": made_safe(f"{wishes.batch_id}.{of.name}"),
        "identifiers": [{"type": "folder", "value": of.name}],
        "title": of.name,
        "languages": [wishes.language],
        **fields,
    }
    item["metadata"] = [_record(one, digests, made) for one in of.files if _is_record(one)]
    if not item["metadata"]:
        item["metadata"] = [_own_record(of, item, "item.json" if fields else of.name, made)]
    item["pages"] = [_page(row, digests, made) for row in rows.pages]
    made.folders.append(of.name)
    taken = {row.text.name for row in rows.pages if row.text}
    taken |= {beside[name].name for name in (ITEM_JSON, PAGES_CSV) if name in beside}
    left = (one for one in others if not _is_record(one) and one.name not in taken)
    _tell_left_out(left, consumed, made)
    return item


def _is_record(one: DeliveredFile) -> bool:
    return one.root is not None and one.root.schema is not None


def _page(row: Row, digests: dict[str, str], made: Delivery) -> dict[str, Any]:
    file, image = None, row.image
    if image is not None:
        file = _listed(image, "capture", image.media_type or UNKNOWN, digests, made)
    text = _listed(row.text, "provided-text", XML, digests, made) if row.text else None
    plain: dict[str, Any] = {
        "ref": None,
        "kind": "page",
        "layout": "single",
        "labels": [],
        "languages": None,
    }
    page = {**plain, "capture": None, **row.fields, "file": file}
    return {**page, "text": text} if text else page


def _record(one: DeliveredFile, digests: dict[str, str], made: Delivery) -> dict[str, Any]:
    root = one.root
    assert root is not None
    file = _listed(one, "record", XML, digests, made)
    return {"role": root.role, "schema": root.schema, "version": root.version, "file": file}


def _listed(
    one: DeliveredFile, use: str, media_type: str, digests: dict[str, str], made: Delivery
) -> dict[str, Any]:
    digest = digests.get(one.name, "")
    made.sources.append(DeliveryFolder(one.name, one, digest, one.size_bytes, use, media_type))
    listed = {"path": one.name, "sha256": digest, "size_bytes": one.size_bytes}
    vendor = made.vendor_checksums.get(one.name)
    return {**listed, "vendor_checksums": vendor} if vendor else listed


def _own_record(of: Group, item: dict[str, Any], origin: str, made: Delivery) -> dict[str, Any]:
    """A minimal record, where none came along."""
    content = station_record(item, origin)
    name = str(PurePosixPath(of.files[0].name).parent / STATION_RECORD)
    digest = sha256(content).hexdigest()
    made.sources.append(DeliveryFolder(name, content, digest, len(content), "record", XML))
    made.diagnostics.append(finding("record.made-by-station", name, f"from {origin}"))
    file = {"path": name, "sha256": digest, "size_bytes": len(content)}
    return {"role": "descriptive", "schema": "DublinCore", "version": None, "file": file}


def _tell_left_out(files: Iterable[DeliveredFile], consumed: set[str], made: Delivery) -> None:
    made.diagnostics += [
        finding("file.left-out", one.name, f"taken for {one.taken_for}")
        for one in files
        if one.name not in consumed
    ]


def _tell_left_over(files: list[DeliveredFile], consumed: set[str], made: Delivery) -> None:
    """What lies in no item's folder; records there are worth another word."""
    records = [one for one in files if _is_record(one) and one.name not in consumed]
    made.diagnostics += [finding("record.of-no-item", one.name, one.taken_for) for one in records]
    _tell_left_out((one for one in files if not _is_record(one)), consumed, made)
