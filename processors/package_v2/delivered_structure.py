"""Takes over the logical structure of a delivered METS, with the records that it refers to."""

import re
from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from lxml import etree

from processors.package_v2.page_matching import matched
from processors.xml.parser import XmlRefused, parse
from processors.xml.submitted_mets import (
    Division,
    M,
    described_division,
    logical_element,
    page_elements,
    read_structure,
)
from processors.xml.writing import MODS

PREFIX = "SUB_"
"""Before the IDs of what is taken over: they cannot be those of the package's own parts."""
REFERENCES = ("DMDID", "ADMID")
OF_DIVISION = ("ID", "ORDER", "ORDERLABEL", "LABEL", "TYPE", "CONTENTIDS", *REFERENCES)
"""Attributes of a division without namespace."""
INTEGER = re.compile(r"[+-]?[0-9]+")


@dataclass(frozen=True)
class DeliveredStructure:
    """The logical structure of a delivered METS, as part of the package's METS."""

    top: etree._Element
    """The top division, with the IDs that it has in the package."""
    described: etree._Element
    """The division in it that is the item."""
    mods: etree._Element | None
    """The MODS record of that division."""
    sections: tuple[etree._Element, ...]
    """The dmdSec of other divisions."""
    administrative: tuple[etree._Element, ...]
    """The amdSec to which divisions refer."""
    pages_of: dict[str, tuple[str, ...]]
    """By ID of a division, the refs of the pages that it links directly."""
    content_ids: dict[str, str]
    """CONTENTIDS of pages, by ref."""


def delivered_structure(
    records: Iterable[bytes], pages: Sequence[dict[str, Any]]
) -> DeliveredStructure | None:
    """The logical structure of the first delivered METS that names files of the item, or None."""
    for content in records:
        try:
            root = parse(content)
        except XmlRefused:
            continue
        structure = read_structure(root)
        refs = matched(structure, pages)
        if structure.logical is not None and refs:
            return _taken_over(root, structure.logical, refs)
    return None


def _taken_over(
    root: etree._Element, logical: Division, refs: dict[int, str]
) -> DeliveredStructure:
    top = logical_element(root)
    if top is None:
        raise ValueError("a structure was read from a METS without a logical one")
    described = _item_of(root, top)
    divs = list(top.iter(f"{M}div"))
    place = divs.index(described)
    mods_id, mods = _mods_of(root, described)
    copy = deepcopy(top)
    copies = list(copy.iter(f"{M}div"))
    _number(copies)
    wanted = {kind: _referred(divs, kind) for kind in REFERENCES}
    sections = tuple(_sections(root, "dmdSec", wanted["DMDID"] - {mods_id}))
    administrative = tuple(_administrative(root, wanted["ADMID"]))
    there = {one.get("ID") for section in (*sections, *administrative) for one in section.iter()}
    for div in copies:
        _keep_resolved(div, there)
    _name_one_section(copies[place], administrative)
    linked = zip(copies, _all(logical), strict=True)
    names = page_elements(root)
    return DeliveredStructure(
        top=copy,
        described=copies[place],
        mods=mods,
        sections=sections,
        administrative=administrative,
        pages_of={
            div.get("ID") or "": tuple(
                dict.fromkeys(refs[page] for page in division.pages if page in refs)
            )
            for div, division in linked
        },
        content_ids={
            ref: value for number, ref in refs.items() if (value := names[number].get("CONTENTIDS"))
        },
    )


def _item_of(root: etree._Element, top: etree._Element) -> etree._Element:
    """The division that is the item: the one with a record, else the first one that does not only
    refer to the METS of a larger work."""
    described = described_division(root)
    if described is not None and described.get("DMDID"):
        return described
    while top.find(f"{M}mptr") is not None and (inner := top.find(f"{M}div")) is not None:
        top = inner
    return top


def _all(division: Division) -> Iterator[Division]:
    yield division
    for inner in division.divisions:
        yield from _all(inner)


def _number(divs: list[etree._Element]) -> None:
    """IDs in document order; files of the delivered METS are not those of the package."""
    for number, div in enumerate(divs):
        div.set("ID", f"LOG_{number:04d}")
        div.tail = None
        _keep_valid(div)


def _keep_valid(div: etree._Element) -> None:
    """Remove what METS does not allow in a division: a delivered METS may be invalid."""
    for name in map(str, list(div.attrib)):
        if not name.startswith("{") and name not in OF_DIVISION:
            div.attrib.pop(name)
    if not INTEGER.fullmatch(div.get("ORDER") or "0"):
        div.attrib.pop("ORDER")
    for child in list(div):
        if child.tag not in (f"{M}div", f"{M}mptr"):
            div.remove(child)
        elif child.tag == f"{M}mptr":
            child.attrib.pop("ID", "")
            child.set("LOCTYPE", child.get("LOCTYPE") or "URL")


def _referred(divs: list[etree._Element], kind: str) -> set[str]:
    return {name for div in divs for name in (div.get(kind) or "").split()}


def _mods_of(
    root: etree._Element, described: etree._Element
) -> tuple[str | None, etree._Element | None]:
    """ID of its section and MODS record of a division."""
    wanted = (described.get("DMDID") or "").split()
    for section in root.findall(f"{M}dmdSec"):
        mods = next(section.iter(f"{{{MODS}}}mods"), None)
        if section.get("ID") in wanted and mods is not None:
            return section.get("ID"), mods
    return None, None


def _sections(root: etree._Element, name: str, ids: set[str]) -> Iterator[etree._Element]:
    """Copies of these sections, with prefixed IDs."""
    for section in root.findall(f"{M}{name}"):
        if section.get("ID") in ids:
            yield _copied(section)


def _administrative(root: etree._Element, ids: set[str]) -> Iterator[etree._Element]:
    """Copies of the amdSec that have one of these IDs or a section with one of them."""
    for section in root.findall(f"{M}amdSec"):
        parts = {one.get("ID") for one in section} & ids
        if section.get("ID") in ids or parts:
            yield _copied(section)


def _name_one_section(described: etree._Element, sections: Sequence[etree._Element]) -> None:
    """Refer from the item to the amdSec and not to its parts, because readers look for one."""
    names = set((described.get("ADMID") or "").split())
    holders = [one for one in sections if names & {part.get("ID") for part in (one, *one)}]
    if len(holders) == 1:
        if not holders[0].get("ID"):
            holders[0].set("ID", f"{PREFIX}AMD")
        described.set("ADMID", holders[0].get("ID") or "")


def _copied(section: etree._Element) -> etree._Element:
    copy = deepcopy(section)
    copy.tail = None
    for one in (copy, *copy.iterchildren(tag=etree.Element)):
        if one.get("ID"):
            one.set("ID", f"{PREFIX}{one.get('ID')}")
        one.attrib.pop("ADMID", "")
    for one in copy.iter(f"{M}mdWrap", f"{M}mdRef"):
        if not one.get("MDTYPE"):
            one.set("MDTYPE", "OTHER")
    etree.cleanup_namespaces(copy)
    return copy


def _keep_resolved(div: etree._Element, there: set[str | None]) -> None:
    """Refer to the sections that were taken over, and to nothing else."""
    for kind in REFERENCES:
        names = [f"{PREFIX}{name}" for name in str(div.attrib.pop(kind, "")).split()]
        found = [name for name in names if name in there]
        if found:
            div.set(kind, " ".join(found))
