"""Checks the content of metadata records, alone and against their item."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lxml import etree

from processors.records import STORED, Root
from processors.rules.codes import finding
from processors.rules.manifest_view import ManifestPath, View
from processors.rules.value_formats import SCHEMAS
from processors.wording import counted
from processors.xml import record_validation
from processors.xml.parser import XmlRefused, parse
from processors.xml.submitted_mets import (
    SubmittedPage,
    delivered_name,
    local_files,
    name_key,
    read_structure,
    stated_digests,
    stem_key,
)
from schemas.models import Diagnostic

FOLDER_TYPE = "folder"
"""Type of the identifier that a station derives from a folder name."""
MIN_PARTIAL_LENGTH = 5
"""Minimum length of an identifier that may be part of another one."""
IDENTIFIERS_SHOWN = 3


@dataclass(frozen=True)
class Context:
    """The item, profile and schemas against which records are checked."""

    item: ManifestPath
    pages: tuple[ManifestPath, ...]
    standards: Path | None
    invalid: str
    """Policy of the profile for an invalid record: accept, warn or refuse."""


def context_of(
    view: View, item: ManifestPath, pages: tuple[ManifestPath, ...], standards: Path | None
) -> Context:
    """The context for the records of an item."""
    document = view.profile.document
    invalid = str(document["invalid_record"]) if document else "warn"
    return Context(item, pages, standards, invalid)


def record_findings(
    record: ManifestPath, where: str, path: str, content: bytes, context: Context
) -> Iterator[Diagnostic]:
    """The findings about a record. Raises FileNotFoundError if schemas are missing."""
    schema = record.text("schema")
    if schema in STORED:
        return
    try:
        root = parse(content)
    except XmlRefused as wrong:
        yield finding("record.not-well-formed", where, f"{path}: {wrong}")
        return
    name = etree.QName(root)
    stated = Root(name.namespace or "", name.localname)
    if schema in SCHEMAS and stated.schema != schema:
        yield finding("record.schema-mismatch", where, f"{path} is {stated.description}")
        return
    if record_validation.is_empty(root):
        yield finding("record.empty", where, f"{path} contains no text")
        return
    yield from _by_schema(root, where, path, context)
    if not record_validation.has_title(root):
        yield finding("record.without-title", where, f"{path} has no title")
    yield from _names_agree(root, where, context)
    if stated.schema == "METS":
        yield from _pages_agree(root, where, context)
        yield from _files_present(root, where, context)
        yield from _digests_agree(root, context)


def _by_schema(
    root: etree._Element, where: str, path: str, context: Context
) -> Iterator[Diagnostic]:
    if not record_validation.has_schema(root):
        namespace = etree.QName(root).namespace
        found = f"{path} uses {f'the namespace {namespace}' if namespace else 'no namespace'}"
        yield finding("record.version-not-judged", where, found)
    elif context.standards is not None:
        errors = record_validation.schema_errors(root, context.standards)
        if errors and etree.QName(root).localname == "mets":
            yield finding("record.mets-invalid", where, record_validation.summary(errors))
        elif errors and context.invalid != "accept":
            severity = "error" if context.invalid == "refuse" else "warn"
            found = record_validation.summary(errors)
            yield finding("record.schema-invalid", where, found, severity=severity)


def _names_agree(root: etree._Element, where: str, context: Context) -> Iterator[Diagnostic]:
    """Record and item share an identifier if both have any."""
    stated = record_validation.identifiers(root)
    own = [
        value
        for one in context.item.entries("identifiers")
        if one.text("type") != FOLDER_TYPE and (value := one.text("value"))
    ]
    if not stated or not own:
        return
    own.append(context.item.text("item_id") or own[0])
    if not any(_same(left, right) for left in stated for right in own):
        of_record, of_item = (", ".join(some[:IDENTIFIERS_SHOWN]) for some in (stated, own))
        found = f"record: {of_record}; item: {of_item}"
        yield finding("record.identifier-differs", where, found)


def _same(left: str, right: str) -> bool:
    short, long = sorted(("".join(one.casefold().split()) for one in (left, right)), key=len)
    return short == long or (len(short) >= MIN_PARTIAL_LENGTH and short in long)


def _pages_agree(root: etree._Element, where: str, context: Context) -> Iterator[Diagnostic]:
    """The METS lists the pages of the item in the same order, matched by file name."""
    structure = read_structure(root)
    if not structure.pages:
        return
    in_order = sorted(context.pages, key=lambda page: page.number("sequence") or 0)
    delivered = [name for page in in_order if (name := page_name(page))]
    differences = _page_differences(structure.pages, delivered)
    if differences:
        yield finding("record.mets-pages-differ", where, "; ".join(differences))


def _page_differences(in_mets: tuple[SubmittedPage, ...], delivered: list[str]) -> list[str]:
    """How the pages of a METS differ from the delivered files, in words."""
    by_name = {name_key(name): name for name in delivered}
    by_stem = {stem_key(name): name for name in delivered}
    matched = [_match(page.names, by_name, by_stem) for page in in_mets]
    found = [name for name in matched if name is not None]
    differences = []
    unmatched = [page for page, name in zip(in_mets, matched, strict=True) if name is None]
    if unmatched:
        example = next(iter(unmatched[0].names), "a page without a file")
        count = f"{len(unmatched)} of {len(in_mets)} pages in the METS"
        differences.append(f"not delivered: {count}, such as {example}")
    surplus = [name for name in delivered if name not in set(found)]
    if surplus:
        count = f"{len(surplus)} of {len(delivered)} pages"
        differences.append(f"not in the METS: {count}, such as {surplus[0]}")
    if not differences and found != delivered:
        differences.append(_order_difference(found, delivered))
    return differences


def _order_difference(in_mets: list[str], delivered: list[str]) -> str:
    pairs = enumerate(zip(in_mets, delivered, strict=False), 1)
    differs = ((n, there, here) for n, (there, here) in pairs if there != here)
    if at := next(differs, None):
        return "the order differs: page {} is {} in the METS, {} in the item".format(*at)
    # For example, the METS lists a spread twice.
    return f"the METS has {len(in_mets)} pages, the item {len(delivered)}"


def _files_present(root: etree._Element, where: str, context: Context) -> Iterator[Diagnostic]:
    """Every file that the METS names, except by a web address, is in the batch.

    An image may be there in another format."""
    named = list(local_files(root))
    given = [page_name(page) for page in context.pages]
    stems = {stem_key(name) for name in given if name}
    given += [_delivered(text) for page in context.pages if (text := page.inner("text"))]
    records = context.item.entries("metadata")
    given += [_delivered(file) for record in records if (file := record.inner("file"))]
    names = {name_key(name) for name in given if name}
    missing = [
        name
        for name, is_image in named
        if name_key(name) not in names and not (is_image and stem_key(name) in stems)
    ]
    if missing:
        count = f"{len(missing)} of {counted(len(named), 'file')} in the METS"
        yield finding("record.mets-files-missing", where, f"{count}, such as {missing[0]}")


def _delivered(file: ManifestPath) -> str | None:
    path = file.text("path")
    return delivered_name(path) if path else None


def page_name(page: ManifestPath) -> str | None:
    """Base name of the delivered file of a page."""
    file = page.inner("file")
    path = file.text("path") if file else None
    return delivered_name(path) if path else None


def _match(names: tuple[str, ...], by_name: dict[str, str], by_stem: dict[str, str]) -> str | None:
    exact = (by_name.get(name_key(name)) for name in names)
    alike = (by_stem.get(stem_key(name)) for name in names)
    return next((name for name in (*exact, *alike) if name is not None), None)


def _digests_agree(root: etree._Element, context: Context) -> Iterator[Diagnostic]:
    """The digests of page files in the METS match those in the manifest.

    A digest of another algorithm is checked with the page (page_list)."""
    stated = {(name_key(one.name), one.algorithm): one.digest for one in stated_digests(root)}
    if not stated:
        return
    # The pages of a file with several images have one path.
    files = {file.text("path"): page for page in context.pages if (file := page.inner("file"))}
    named = Counter(name_key(page_name(page) or "") for page in files.values())
    for page in files.values():
        file, name = page.inner("file"), page_name(page)
        if file is None or name is None or named[name_key(name)] > 1:
            continue
        given = [("sha256", file.text("sha256"))]
        given += [
            (one.partition(":")[0], one.partition(":")[2])
            for one in file.listed("vendor_checksums")
            if isinstance(one, str)
        ]
        for algorithm, digest in given:
            other = stated.get((name_key(name), algorithm))
            if other is not None and digest is not None and other != digest:
                found = f"{name}: {algorithm}:{other} in the METS, {digest} in the manifest"
                yield finding("record.checksum-differs", file.where, found)
                break
