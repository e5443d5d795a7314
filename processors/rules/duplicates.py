"""Checks for duplicates, and for fields that contradict each other."""

from collections.abc import Iterable, Iterator

from processors.rules.codes import finding
from processors.rules.manifest_view import ManifestPath, View, files_of, ref_of
from schemas.models import Diagnostic


def _repeated(
    code: str, values: Iterable[tuple[str, object]], fold: bool = False
) -> Iterator[Diagnostic]:
    first: dict[object, str] = {}
    for where, value in values:
        key = value.casefold() if fold and isinstance(value, str) else value
        if key in first:
            yield finding(code, where, f"{value} is already used at {first[key]}")
        else:
            first[key] = where


def item_ids_differ(view: View) -> Iterator[Diagnostic]:
    """No two items have the same item_id, ignoring case."""
    named = ((f"{item.where}.item_id", item.text("item_id")) for item in view.items)
    yield from _repeated("item.id-duplicate", ((w, v) for w, v in named if v), fold=True)


def pages_differ(view: View) -> Iterator[Diagnostic]:
    """No two pages of an item have the same ref or the same sequence."""
    for _, pages in view.pages:
        yield from _refs_differ(pages)
        numbers = ((f"{page.where}.sequence", page.number("sequence")) for page in pages)
        given = ((where, number) for where, number in numbers if number is not None)
        yield from _repeated("page.sequence-duplicate", given)


def _refs_differ(pages: tuple[ManifestPath, ...]) -> Iterator[Diagnostic]:
    # Equal refs derived from equal sequences are reported only as page.sequence-duplicate.
    derived: set[str] = set()
    refs: list[tuple[str, str]] = []
    for page in pages:
        ref, is_derived = ref_of(page), page.value.get("ref") is None
        if ref is None or (is_derived and ref in derived):
            continue
        if is_derived:
            derived.add(ref)
        refs.append((f"{page.where}.ref", ref))
    yield from _repeated("page.ref-duplicate", refs, fold=True)


def paths_differ(view: View) -> Iterator[Diagnostic]:
    """No two files have the same path."""
    files = (file for item, pages in view.pages for file in files_of(item, pages))
    named = ((f"{file.where}.path", file.text("path")) for file in files)
    yield from _repeated("file.path-duplicate", ((where, path) for where, path in named if path))


def page_files_differ(view: View) -> Iterator[Diagnostic]:
    """Two pages of an item with identical files are reported as a warning."""
    for _, pages in view.pages:
        files = (file for page in pages if (file := _own_file(page)))
        digests = ((f"{file.where}.sha256", file.text("sha256")) for file in files)
        yield from _repeated("page.same-bytes", ((w, v) for w, v in digests if v))


def _own_file(page: ManifestPath) -> ManifestPath | None:
    """The file of a page that does not share it with others."""
    return page.inner("file") if page.number("image") is None else None


def files_match_kinds(view: View) -> Iterator[Diagnostic]:
    """Every page has a file, except that a missing page has neither file nor text."""
    for _, pages in view.pages:
        for page in pages:
            missing, file = page.value.get("kind") == "missing", page.value.get("file")
            if missing and file is not None:
                yield finding("page.file-surplus", f"{page.where}.file", "a file is named")
            if not missing and file is None:
                yield finding("page.file-missing", f"{page.where}.file", "no file is named")
            if missing and page.value.get("text") is not None:
                yield finding("page.text-surplus", f"{page.where}.text", "a text is named")
