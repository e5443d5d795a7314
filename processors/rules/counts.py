"""Checks of the digest, file_count, limits and page sequences."""

from collections.abc import Iterator

from processors.rules.body_digest import body_digest
from processors.rules.codes import finding
from processors.rules.manifest_view import View, files_of
from processors.wording import counted
from schemas.models import Diagnostic

MAX_PAGES_PER_ITEM = 20_000
MAX_ITEMS_PER_BATCH = 10_000
MAX_PAGES_PER_BATCH = 200_000
GAPS_SHOWN = 5


def digest_agrees(view: View) -> Iterator[Diagnostic]:
    """The digest in checksums is that of the body."""
    checksums = view.top.inner("checksums")
    stated = checksums.text("manifest_sha256") if checksums else None
    actual = body_digest(view.body)
    if stated is not None and stated != actual:
        yield finding(
            "manifest.digest-mismatch",
            "checksums.manifest_sha256",
            f"stated {stated[:64]}, computed {actual}",
        )


def file_count_agrees(view: View) -> Iterator[Diagnostic]:
    """file_count is the number of files listed."""
    stated, records, pages = view.top.number("file_count"), 0, 0
    for item, of_item in view.pages:
        own = sum(record.inner("file") is not None for record in item.entries("metadata"))
        records += own
        pages += sum(1 for _ in files_of(item, of_item)) - own
    if isinstance(view.body.get("items"), list) and stated not in (None, pages + records):
        listed = f"{counted(pages + records, 'file')} (pages: {pages}, records: {records})"
        found = f"{stated}; the items list {listed}"
        yield finding("manifest.file-count-mismatch", "file_count", found)


def within_limits(view: View) -> Iterator[Diagnostic]:
    """No item and no batch exceeds the limits, and none is empty."""
    listed = view.body.get("items")
    if listed == []:
        yield finding("batch.without-items", "items", "the list is empty")
    if isinstance(listed, list) and len(listed) > MAX_ITEMS_PER_BATCH:
        yield finding("batch.too-many-items", "items", f"{len(listed)} items")
    total = sum(len(pages) for _, pages in view.pages)
    if total > MAX_PAGES_PER_BATCH:
        yield finding("batch.too-many-pages", "items", f"{total} pages")
    for item, pages in view.pages:
        where = f"{item.where}.pages"
        if item.value.get("pages") == []:
            yield finding("item.without-pages", where, "the list is empty")
        elif pages and all(page.value.get("kind") == "missing" for page in pages):
            yield finding(
                "item.all-pages-missing", where, f"{counted(len(pages), 'page')}, all missing"
            )
        if len(pages) > MAX_PAGES_PER_ITEM:
            yield finding("item.too-large", where, f"{len(pages)} pages")


def sequences_have_no_gaps(view: View) -> Iterator[Diagnostic]:
    """Sequences run from 1 without a gap; a gap may indicate a forgotten page."""
    for item, pages in view.pages:
        numbers = sorted({n for page in pages if (n := page.number("sequence")) and n > 0})
        gaps = [
            f"{low + 1}" if high - low == 2 else f"{low + 1} to {high - 1}"
            for low, high in zip([0, *numbers], numbers, strict=False)
            if high - low > 1
        ]
        if gaps:
            more = f" and {len(gaps) - GAPS_SHOWN} more" if len(gaps) > GAPS_SHOWN else ""
            found = f"no page has sequence {', '.join(gaps[:GAPS_SHOWN])}{more}"
            yield finding("item.sequence-gap", f"{item.where}.pages", found)
