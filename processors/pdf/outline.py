"""Writes the bookmarks of a PDF."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from processors.pdf.file import PdfFile
from processors.pdf.syntax import Name, Reference


@dataclass(frozen=True)
class Bookmark:
    """A bookmark, such as a chapter."""

    title: str
    ref: str | None
    """The page where it begins; None if that is not known."""
    inner: tuple["Bookmark", ...] = ()


def write_outline(
    file: PdfFile, bookmarks: Sequence[Bookmark], pages: Mapping[str, Reference]
) -> Reference | None:
    """Write the tree of bookmarks; None without bookmarks.

    A bookmark without a page of its own leads to the first page of those inside it."""
    if not bookmarks:
        return None
    top = file.reserve()
    first, last, count = _level(file, bookmarks, top, pages)
    file.write(top, {"Type": Name("Outlines"), "First": first, "Last": last, "Count": count})
    return top


def _level(
    file: PdfFile,
    bookmarks: Sequence[Bookmark],
    parent: Reference,
    pages: Mapping[str, Reference],
) -> tuple[Reference, Reference, int]:
    """Write one level and those below; its first and last bookmark, and the number of all."""
    own, total = [file.reserve() for _ in bookmarks], len(bookmarks)
    for number, bookmark in enumerate(bookmarks):
        entries: dict[str, Any] = {"Title": bookmark.title, "Parent": parent}
        page = _page_of(bookmark, pages)
        if page is not None:
            entries["Dest"] = [page, Name("Fit")]
        if number:
            entries["Prev"] = own[number - 1]
        if number + 1 < len(own):
            entries["Next"] = own[number + 1]
        if bookmark.inner:
            first, last, count = _level(file, bookmark.inner, own[number], pages)
            entries |= {"First": first, "Last": last, "Count": count}
            total += count
        file.write(own[number], entries)
    return own[0], own[-1], total


def _page_of(bookmark: Bookmark, pages: Mapping[str, Reference]) -> Reference | None:
    if bookmark.ref is not None and bookmark.ref in pages:
        return pages[bookmark.ref]
    inner = (_page_of(one, pages) for one in bookmark.inner)
    return next((page for page in inner if page is not None), None)
