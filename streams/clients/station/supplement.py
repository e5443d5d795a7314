"""Adds the pages of a delivery to those of an item that has ended: it becomes a delivery of both.

The line makes the next version of the item from it, as from any delivery that replaces an item."""

import json
from typing import Any

import psycopg

from processors.rules.body_digest import body_digest
from schemas.ids import package_id
from schemas.models import FileRef
from streams.clients.station.folder import Delivery, ManifestFile
from streams.clients.station.line_queries import EarlierVersion, line_queries
from streams.clients.station.manifest_entries import count_files, is_made_by_station
from streams.clients.station.scan import read_file
from streams.clients.station.sidecar_files import PAGES_CSV
from streams.settings import NotUp, Settings
from streams.storage.factory import open_storage
from streams.storage.object_store import ObjectStore

ENDED = ("packaged", "cancelled")
Item = dict[str, Any]


def with_earlier_pages(
    delivery: Delivery, settings: Settings, *, must_answer: bool = False
) -> Delivery:
    """The delivery, with each item that supplements itself completed by its latest version.

    An item that is unknown or has not ended stays as it is: the line decides about it. So does
    every item if the line does not answer and need not. Raises StorageError; NotUp if it must."""
    items = delivery.manifest.get("items", [])
    wanted = [number for number, item in enumerate(items) if _supplements_itself(item)]
    if not wanted:
        return delivery
    try:
        with line_queries(settings) as line:
            found = {number: line.latest_version(items[number]["item_id"]) for number in wanted}
    except (NotUp, psycopg.Error) as away:
        if must_answer:
            raise _not_known([items[number]["item_id"] for number in wanted], away) from away
        return delivery
    for number, version in found.items():
        if version is not None and version.state in ENDED:
            items[number] = _merged(number, version, delivery, open_storage(settings))
    body = {name: value for name, value in delivery.manifest.items() if name != "checksums"}
    body["file_count"] = count_files(items)
    delivery.manifest = {**body, "checksums": {"manifest_sha256": body_digest(body)}}
    return delivery


def _not_known(item_ids: list[str], away: Exception) -> NotUp:
    """Without its earlier pages, the line would refuse the delivery of an item that it knows."""
    why = str(away).strip() or type(away).__name__
    return NotUp(
        f"the pages of {', '.join(item_ids)}, to which this delivery adds pages, cannot be read"
        f" from the line: {why}. When the line runs, submit the folder again"
    )


def _supplements_itself(item: Item) -> bool:
    name = item.get("supplements")
    return name is not None and name == item["item_id"] and item.get("replaces") is None


def _merged(number: int, version: EarlierVersion, delivery: Delivery, store: ObjectStore) -> Item:
    """The item of the delivery, with what the earlier version has and item.json does not state."""
    item = delivery.manifest["items"][number]
    earlier = json.loads(store.read(FileRef(use="page-list", **version.page_list)))
    described = {name: value for name, value in earlier["item"].items() if value}
    stated = {name: item[name] for name in delivery.stated[number] if name in item}
    languages = described.get("languages")
    pages = [_page(entry, languages, delivery, store) for entry in version.pages]
    records = [
        {**record, "file": _listed(record["file"], "record", delivery, store)}
        for record in earlier["records"]
    ]
    new = [record for record in item["metadata"] if not is_made_by_station(record)]
    in_table = delivery.origins[number]["order"].endswith(PAGES_CSV)
    return {
        **described,
        **stated,
        "item_id": item["item_id"],
        "supplements": item["supplements"],
        # An older copy of this delivery must not take the place of a later version.
        "replaces": package_id(item["item_id"], version.revision),
        "metadata": [*records, *new],
        "pages": _in_sequence(pages, item["pages"], in_table=in_table),
    }


def _page(entry: Item, of_item: list[str] | None, delivery: Delivery, store: ObjectStore) -> Item:
    """A page of the earlier version; a withdrawn one is missing."""
    names = ("ref", "sequence", "kind", "layout", "labels", "languages", "script")
    page = {name: entry[name] for name in names} | {"capture": None}
    if not page["languages"] or page["languages"] == of_item:
        page["languages"] = None
    if entry["withdrawn"] or not entry["file"]:
        return {**page, "kind": "missing", "file": None}
    page["file"] = _listed(entry["file"], "capture", delivery, store)
    if entry.get("text"):
        page["text"] = _listed(entry["text"], "provided-text", delivery, store)
    if entry.get("image"):
        page["image"] = entry["image"]
    return page


def _listed(file: Item, use: str, delivery: Delivery, store: ObjectStore) -> Item:
    """The entry of a file that the line has, which is delivered from its store once more."""
    names = ("key", "sha256", "size_bytes", "media_type")
    stored = FileRef(use=use, **{name: file[name] for name in names})
    if file["path"] not in delivery.listed:
        delivery.listed.add(file["path"])
        content = read_file(store.path(stored), file["path"])
        sizes = (file["sha256"], file["size_bytes"], use, file["media_type"])
        delivery.files.append(ManifestFile(file["path"], content, *sizes))
    kept = ("path", "sha256", "size_bytes", "vendor_checksums")
    return {name: file[name] for name in kept if file.get(name)}


def _in_sequence(pages: list[Item], new: list[Item], *, in_table: bool) -> list[Item]:
    """Earlier pages, then new ones. Sequences of pages.csv are kept, also that of a missing page,
    which the new one is then; else new pages follow the last one."""
    present = {page["sequence"] for page in pages if page["file"]}
    if not in_table or present & {page["sequence"] for page in new}:
        last = max(page["sequence"] for page in pages)
        return [*pages, *({**page, "sequence": last + n} for n, page in enumerate(new, 1))]
    missing = {page["sequence"]: page["ref"] for page in pages if not page["file"]}
    filled = [{**page, "ref": page["ref"] or missing.get(page["sequence"])} for page in new]
    found = {page["sequence"] for page in filled}
    left = [page for page in pages if page["file"] or page["sequence"] not in found]
    return sorted([*left, *filled], key=lambda page: int(page["sequence"]))
