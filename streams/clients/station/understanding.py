"""Describes what the station understood of a folder: items, order, counts, languages, profile."""

from collections.abc import Iterator
from typing import Any

from processors.wording import counted
from streams.clients.station.folder import Delivery

SHOWN_ITEMS = 20


def lines_of(delivery: Delivery) -> Iterator[str]:
    """A line about the delivery, then two about each of the first items."""
    manifest = delivery.manifest
    items = manifest.get("items", ())
    amount = f"{counted(len(items), 'item')}, {counted(delivery.page_count, 'page')}"
    yield f"batch {manifest['batch_id']}: {amount}, profile {manifest['scanner_profile']}"
    for item, origin in list(zip(items, delivery.origins, strict=True))[:SHOWN_ITEMS]:
        yield from _item_lines(item, origin)
    if len(items) > SHOWN_ITEMS:
        yield f"… and {counted(len(items) - SHOWN_ITEMS, 'more item')}"
    beside = counted(len(manifest.get("not_packaged", ())), "file")
    skipped = counted(delivery.skipped, "hidden or system file")
    yield f"not packaged, but named in the log: {beside}; skipped: {skipped}"


def _item_lines(item: dict[str, Any], origin: dict[str, str]) -> Iterator[str]:
    pages = item["pages"]
    names = [page["file"]["path"].rpartition("/")[2] for page in pages if page["file"]]
    ends = "" if not names else f", {names[0]} … {names[-1]}" if len(names) > 1 else f", {names[0]}"
    missing = sum(page["file"] is None for page in pages)
    lost = f", {missing} missing" if missing else ""
    yield f"item {item['item_id']}: {counted(len(pages), 'page')}{ends}{lost}, {origin['order']}"
    languages = ", ".join(map(str, _listed(item.get("languages")))) or "none"
    records = ", ".join(sorted({record["schema"] for record in item["metadata"]}))
    texts = sum("text" in page for page in pages)
    images = [page for page in pages if "image" in page]
    if images:
        files = len({page["file"]["path"] for page in images})
        yield f"  {counted(len(images), 'page')} of {counted(files, 'file')} with several images"
    yield (
        f"  languages {languages} ({origin['languages']}); title {item.get('title')!r}"
        f" ({origin['title']}); records {records}; delivered texts {texts}"
    )


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
