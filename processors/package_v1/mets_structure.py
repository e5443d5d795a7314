"""Writes structure in METS: divisions of pages, and the logical structure of a submitted METS."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lxml import etree

from processors.package.layout import Payload
from processors.xml.parser import XmlRefused, parse
from processors.xml.submitted_mets import (
    Division,
    Structure,
    delivered_name,
    name_key,
    read_structure,
    stem_key,
)
from processors.xml.writing import XLINK, Maker

FROM, TO = f"{{{XLINK}}}from", f"{{{XLINK}}}to"


@dataclass(frozen=True)
class LogicalStructure:
    """A submitted logical structure, with the pages of the item that it refers to."""

    top: Division
    refs: dict[int, str]
    """Page ref by index of the page in the submitted METS."""


def submitted_structure(
    records: Iterable[bytes], pages: Sequence[dict[str, Any]]
) -> LogicalStructure | None:
    """The logical structure of the first submitted METS that names files of the item, or None."""
    for content in records:
        try:
            structure = read_structure(parse(content))
        except XmlRefused:
            continue
        refs = _matched(structure, pages)
        if structure.logical is not None and refs:
            return LogicalStructure(structure.logical, refs)
    return None


def _matched(structure: Structure, pages: Sequence[dict[str, Any]]) -> dict[int, str]:
    """Refs by page index, matched by base name, else by base name without suffix.

    A name that several pages have does not match, unless they are images of one file, which match
    in their order."""
    exact: dict[str, dict[str, str | None]] = {}
    stems: dict[str, dict[str, str | None]] = {}
    for page in pages:
        if page.get("file"):
            name = delivered_name(page["file"]["path"])
            # Pages that are images of one file have its path.
            path = page["file"]["path"] if page.get("image") else None
            exact.setdefault(name_key(name), {})[page["ref"]] = path
            stems.setdefault(stem_key(name), {})[page["ref"]] = path
    found: dict[int, str] = {}
    used: set[str] = set()
    for number, submitted in enumerate(structure.pages):
        keys = [name_key(name) for name in submitted.names]
        refs = next((exact[key] for key in keys if key in exact), None) or {
            ref: path
            for name in submitted.names
            for ref, path in stems.get(stem_key(name), {}).items()
        }
        if len(refs) > 1 and _is_one_file(refs):
            refs = dict.fromkeys([ref for ref in refs if ref not in used][:1])
        if len(refs) == 1:
            found[number] = next(iter(refs))
            used.add(found[number])
    return found


def _is_one_file(refs: dict[str, str | None]) -> bool:
    """Whether these pages are images of the same file."""
    return None not in refs.values() and len(set(refs.values())) == 1


def page_div(
    mets: Maker, page: dict[str, Any], files: Sequence[Payload], described_by: str | None
) -> etree._Element:
    """The division of a page; that of a missing page has no file."""
    return mets(
        "div",
        *(mets("fptr", attributes={"FILEID": file.xml_id}) for file in files),
        attributes={
            "ID": f"PAGE_{page['ref']}",
            "TYPE": page["kind"],
            "ORDER": str(page["sequence"]),
            "ORDERLABEL": " ".join(page.get("labels") or ()) or None,
            "LABEL": page.get("layout") if page.get("layout") == "spread" else None,
            "DMDID": described_by,
        },
    )


def logical_map(mets: Maker, logical: LogicalStructure, described_by: str) -> etree._Element:
    """The structMap of type LOGICAL, with divisions numbered in document order."""
    ids = _numbered(logical)

    def made(division: Division) -> etree._Element:
        return mets(
            "div",
            *(made(inner) for inner in division.divisions),
            attributes={
                "ID": ids[id(division)],
                "TYPE": division.type,
                "LABEL": division.label,
                "DMDID": described_by if division is logical.top else None,
            },
        )

    return mets("structMap", made(logical.top), attributes={"TYPE": "LOGICAL"})


def structure_links(mets: Maker, logical: LogicalStructure) -> etree._Element:
    """A smLink from each division to each page that it links directly; the top division links to
    the physical sequence, which METS viewers expect."""
    ids = _numbered(logical)
    links = [(ids[id(logical.top)], "PHYS")]
    for division in _all(logical.top):
        own = dict.fromkeys(logical.refs[page] for page in division.pages if page in logical.refs)
        links += [(ids[id(division)], f"PAGE_{ref}") for ref in own]
    return mets(
        "structLink",
        *(mets("smLink", attributes={FROM: start, TO: end}) for start, end in links),
    )


def _all(division: Division) -> Iterator[Division]:
    yield division
    for inner in division.divisions:
        yield from _all(inner)


def _numbered(logical: LogicalStructure) -> dict[int, str]:
    return {id(one): f"LOG_{number:04d}" for number, one in enumerate(_all(logical.top))}
