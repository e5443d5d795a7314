"""Builds the manifest of a folder: its files in order, with their digests."""

from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any

from processors.records import CHECKED
from processors.rules.body_digest import body_digest
from processors.wording import counted
from schemas.ids import made_safe
from schemas.models import Diagnostic, PageCaptured
from streams.clients.station import fixity
from streams.clients.station.captured_pages import name_captures
from streams.clients.station.delivered_order import DeliveredOrder, order_among
from streams.clients.station.digest_memory import DigestMemory
from streams.clients.station.findings import finding, is_fatal
from streams.clients.station.grouping import Group, bags_among, group
from streams.clients.station.image_pages import images_are_pages, with_image_pages
from streams.clients.station.item_description import (
    BAG_INFO,
    described,
    records_among,
    schema_of,
    with_item_json,
)
from streams.clients.station.item_files import sort_files
from streams.clients.station.left_files import left_out, left_over
from streams.clients.station.manifest_entries import STATION_RECORD, count_files
from streams.clients.station.minimal_record import NO_RECORD, OTHER_FORM, station_record
from streams.clients.station.not_packaged import not_packaged
from streams.clients.station.page_order import pages_of
from streams.clients.station.scan import DeliveredFile, Progress, natural, scan, silent
from streams.clients.station.sidecar_files import (
    ITEM_JSON,
    PAGES_CSV,
    PageRow,
    choices_of,
    item_fields,
)
from streams.clients.station.skipped_pages import skipped_pages
from streams.clients.station.stated_checksums import stated_checksums, vendor_checksums

DEFAULT_PROFILE = "as-delivered"
XML = "application/xml"
UNKNOWN = "application/octet-stream"


@dataclass(frozen=True)
class SubmissionOptions:
    """The options of a submission, which apply to the whole batch."""

    batch_id: str
    profile: str = DEFAULT_PROFILE
    language: str | None = None
    """Language of the items that state none themselves."""
    metadata_schema: str | None = None
    operator: str | None = None
    priority: str = "normal"
    project: str | None = None
    not_before: str | None = None
    """Earliest start of the work: a time with its zone."""


@dataclass(frozen=True)
class ManifestFile:
    """A file that the manifest lists, and its content."""

    name: str
    content: DeliveredFile | bytes
    sha256: str
    size_bytes: int
    use: str
    media_type: str


@dataclass
class Delivery:
    """A folder read as a batch."""

    manifest: dict[str, Any] = field(default_factory=dict)
    files: list[ManifestFile] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    """Folder of each item, in the order of the manifest."""
    origins: list[dict[str, str]] = field(default_factory=list)
    """Where `order`, `languages` and `title` of each item come from."""
    diagnostics: list[Diagnostic] = field(default_factory=list)
    skipped: int = 0
    """Number of hidden and system files, which are not read."""
    vendor_checksums: dict[str, list[str]] = field(default_factory=dict)
    """Delivered digests, as `md5:…`, by file name."""
    stated: list[set[str]] = field(default_factory=list)
    """For each item, the fields that item.json states."""
    listed: set[str] = field(default_factory=set)
    """Names of the delivered files among `files`."""
    each_image: bool = False
    """Whether each image of a file with several is a page."""
    captures: list[PageCaptured] = field(default_factory=list)
    """Every capture of its pages, causes first."""

    @property
    def page_count(self) -> int:
        """Number of pages of all items."""
        return sum(len(item["pages"]) for item in self.manifest.get("items", ()))

    @property
    def size_bytes(self) -> int:
        """Total size of the listed files."""
        return sum(file.size_bytes for file in self.files)

    @property
    def may_be_published(self) -> bool:
        """Whether there is an item and no fatal diagnostic."""
        return bool(self.manifest.get("items")) and not any(map(is_fatal, self.diagnostics))


def read_folder(
    folder: Path,
    options: SubmissionOptions,
    progress: Progress = silent,
    profiles: Path | None = None,
    memory: DigestMemory | None = None,
) -> Delivery:
    """Read a folder as a delivery (docs/contract.md §2). Changes nothing in it.

    `profiles` is the folder of the institution's own profiles; `memory` has the digests of an
    interrupted run."""
    scanned = scan(folder)
    files = {one.name: one for one in scanned.files}
    bags = bags_among(scanned.files)
    stated = stated_checksums(files, bags)
    visible = [one for one in scanned.files if not one.is_skipped]
    # A name that is not UTF-8 is refused, but its diagnostic must be encodable.
    name = folder.resolve().name.encode("utf-8", "backslashreplace").decode()
    grouping = group(visible, name, bags)
    delivery = Delivery(diagnostics=[*scanned.diagnostics, *stated.diagnostics])
    delivery.each_image = images_are_pages(options.profile, profiles)
    delivery.diagnostics += grouping.diagnostics
    delivery.vendor_checksums = vendor_checksums(stated)
    digests, found = fixity.digest_all(visible, stated, files, progress, memory)
    delivery.diagnostics += found
    if not grouping.groups:
        what = f"{counted(len(visible), 'file')}, none of them an image"
        delivery.diagnostics.append(finding("folder.nothing-readable", str(folder.name), what))
    items = [
        _item(each, options, digests, stated, delivery)
        for each in sorted(grouping.groups, key=lambda each: natural(each.name))
    ]
    delivery.captures = name_captures(options.batch_id, items, files)
    delivery.diagnostics += left_over(grouping.left_over, stated.consumed)
    listed = {one.name for one in delivery.files}
    left = not_packaged(visible, listed, digests, delivery.diagnostics)
    delivery.skipped = len(files) - len(visible) + scanned.skipped
    delivery.manifest = _manifest(options, items, left, order_among(scanned.files))
    return delivery


def _manifest(
    options: SubmissionOptions,
    items: list[dict[str, Any]],
    left: list[dict[str, Any]],
    order: DeliveredOrder | None,
) -> dict[str, Any]:
    body = {
        "batch_id": options.batch_id,
        "scanner_profile": options.profile,
        "file_count": count_files(items),
        "metadata_schema": options.metadata_schema or _main_schema(items),
        "project": options.project,
        "priority": order.priority if order and options.priority == "normal" else options.priority,
        "not_before": options.not_before,
        "operator": options.operator,
        **({"order": order.order_id} if order else {}),
        "items": items,
        **({"not_packaged": left} if left else {}),
    }
    return {**body, "checksums": {"manifest_sha256": body_digest(body)}}


def _main_schema(items: list[dict[str, Any]]) -> str:
    """The descriptive schema that every item has."""
    forms = [{record["schema"] for record in item["metadata"]} for item in items]
    common = set.intersection(*forms) if forms else set()
    return next((form for form in ("MODS", "DublinCore", "METS") if form in common), "DublinCore")


def _item(
    of: Group,
    options: SubmissionOptions,
    digests: dict[str, str],
    stated: fixity.StatedChecksums,
    delivery: Delivery,
) -> dict[str, Any]:
    beside = {PurePosixPath(one.name).name.casefold(): one for one in of.files}
    fields, found = item_fields(beside.get(ITEM_JSON))
    choices, wrong = choices_of(fields, ITEM_JSON)
    sorted_files = sort_files(of.files, choices, stated.expected, beside.get(PAGES_CSV))
    others = sorted_files.others
    pages = pages_of(beside.get(PAGES_CSV), sorted_files.pages, others)
    pages = with_image_pages(pages, delivery.each_image)
    delivery.diagnostics += [*found, *wrong, *sorted_files.diagnostics, *pages.diagnostics]
    taken = {row.text.name for row in pages.rows if row.text}
    taken |= {beside[name].name for name in (ITEM_JSON, PAGES_CSV) if name in beside}
    records = records_among(others, taken | stated.consumed)
    by_record = described(records, of.name, options.language)
    delivery.diagnostics += by_record.diagnostics
    item: dict[str, Any] = {
        "item_id": made_safe(f"{options.batch_id}.{of.name}"),
        **with_item_json(by_record.fields, fields),
    }
    item["metadata"] = [_record(schema, one, digests, delivery) for schema, one in records]
    if not any(schema in CHECKED for schema, _ in records):
        item["metadata"].append(_own_record(of, item, _why(of, fields, records), delivery))
    item["pages"] = [_page(row, digests, delivery) for row in pages.rows]
    delivery.diagnostics += skipped_pages(others)
    delivery.folders.append(of.name)
    stating = {name for name, value in fields.items() if value is not None}
    delivery.stated.append(stating)
    origins = {name: ITEM_JSON if name in stating else at for name, at in by_record.origins.items()}
    delivery.origins.append({"order": pages.order, **origins})
    taken |= {one.name for _, one in records}
    left = (one for one in others if one.name not in taken)
    delivery.diagnostics += left_out(left, stated.consumed)
    return item


def _why(
    of: Group, fields: dict[str, Any], records: list[tuple[str, DeliveredFile]]
) -> tuple[str, str]:
    """What the station's own record is made from, and why."""
    read = [one.name for schema, one in records if schema != BAG_INFO]
    return ITEM_JSON if fields else (read or [of.name])[0], OTHER_FORM if read else NO_RECORD


def _page(row: PageRow, digests: dict[str, str], delivery: Delivery) -> dict[str, Any]:
    file, image = None, row.image
    if image is not None:
        file = _listed(image, "capture", image.media_type or UNKNOWN, digests, delivery)
    text = _listed(row.text, "provided-text", XML, digests, delivery) if row.text else None
    plain: dict[str, Any] = {
        "ref": None,
        "kind": "page",
        "layout": "single",
        "labels": [],
        "languages": None,
    }
    page = {**plain, "capture": None, **row.fields, "file": file}
    return {**page, "text": text} if text else page


def _record(
    schema: str, one: DeliveredFile, digests: dict[str, str], delivery: Delivery
) -> dict[str, Any]:
    kind = schema_of(one)
    assert kind is not None
    file = _listed(one, "record", XML if one.root else UNKNOWN, digests, delivery)
    version = one.root.version if one.root else None
    return {"role": kind[1], "schema": schema, "version": version, "file": file}


def _listed(
    one: DeliveredFile, use: str, media_type: str, digests: dict[str, str], delivery: Delivery
) -> dict[str, Any]:
    digest = digests.get(one.name, "")
    if one.name not in delivery.listed:  # Pages that are images of one file share it.
        delivery.listed.add(one.name)
        delivery.files.append(ManifestFile(one.name, one, digest, one.size_bytes, use, media_type))
    listed = {"path": one.name, "sha256": digest, "size_bytes": one.size_bytes}
    vendor = delivery.vendor_checksums.get(one.name)
    return {**listed, "vendor_checksums": vendor} if vendor else listed


def _own_record(
    of: Group, item: dict[str, Any], why: tuple[str, str], delivery: Delivery
) -> dict[str, Any]:
    """A minimal record, for an item delivered without one."""
    content = station_record(item, *why)
    name = str(PurePosixPath(of.files[0].name).parent / STATION_RECORD)
    digest = sha256(content).hexdigest()
    delivery.files.append(ManifestFile(name, content, digest, len(content), "record", XML))
    delivery.diagnostics.append(finding("record.made-by-station", name, f"from {why[0]}"))
    file = {"path": name, "sha256": digest, "size_bytes": len(content)}
    return {"role": "descriptive", "schema": "DublinCore", "version": None, "file": file}
