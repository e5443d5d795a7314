"""Checks a submitted record alone: schema, emptiness, title, identifiers."""

import re
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path

from lxml import etree

from processors.records import DCTERMS
from processors.xml import submitted_mets
from processors.xml.parser import XmlRefused, parse
from processors.xml.validate import FILES, validate
from processors.xml.writing import DC, METS, MODS, OAI_DC

ERRORS_SHOWN = 3
NAMESPACE = re.compile(r"\{[^}]*\}")
WRAPPED = f"{{{METS}}}xmlData"
DC_ROOTS = (f"{{{OAI_DC}}}dc", f"{{{DC}}}dc", f"{{{DCTERMS}}}dc")
TITLES = (f"{{{MODS}}}titleInfo/*", f"{{{DC}}}title", f"{{{DCTERMS}}}title")
IDENTIFIERS = (
    f"{{{MODS}}}identifier",
    f"{{{MODS}}}recordInfo/{{{MODS}}}recordIdentifier",
    f"{{{DC}}}identifier",
    f"{{{DCTERMS}}}identifier",
)


def has_schema(root: etree._Element) -> bool:
    """Whether a schema is installed for this kind and version of document."""
    return etree.QName(root).namespace in FILES


def has_namespace(content: bytes) -> bool:
    """Whether the root element has a namespace; True for bytes that are not XML."""
    try:
        return etree.QName(parse(content)).namespace is not None
    except XmlRefused:
        return True


def schema_errors(root: etree._Element, standards: Path) -> list[str]:
    """The schema errors in a document and in each record that it wraps, one line each.

    METS validates wrapped records only laxly, so each one is validated alone, and Dublin Core in
    its OAI wrapper."""
    if root.tag == f"{{{DC}}}dc":
        return validate(_in_wrapper(root), standards)
    found = validate(root, standards)
    for data in root.iter(WRAPPED):
        for record in _records_in(data):
            found += validate(record, standards)
    return list(dict.fromkeys(found))


def _records_in(data: etree._Element) -> Iterator[etree._Element]:
    has_dublin_core = False
    for child in data.iterchildren(tag=etree.Element):
        namespace = etree.QName(child).namespace
        if namespace == DC:
            has_dublin_core = True
        elif namespace in FILES and namespace != METS:
            yield child
    if has_dublin_core:
        yield _in_wrapper(data)


def _in_wrapper(above: etree._Element) -> etree._Element:
    wrapper = etree.Element(f"{{{OAI_DC}}}dc", nsmap={"oai_dc": OAI_DC, "dc": DC})
    wrapper.extend(deepcopy(one) for one in above if str(one.tag).startswith(f"{{{DC}}}"))
    return wrapper


def summary(errors: list[str]) -> str:
    """Schema errors in one line: their number and the first ones."""
    shown = "; ".join(NAMESPACE.sub("", one) for one in errors[:ERRORS_SHOWN])
    more = f" and {len(errors) - ERRORS_SHOWN} more" if len(errors) > ERRORS_SHOWN else ""
    count = "1 schema error" if len(errors) == 1 else f"{len(errors)} schema errors"
    return f"{count}: {shown}{more}"


def is_empty(root: etree._Element) -> bool:
    """Whether a record has no content."""
    if any(text.strip() for text in root.itertext()):
        return False
    if root.tag == f"{{{METS}}}mets":
        read = submitted_mets.read_structure(root)
        return not (read.pages or read.logical or read.identifiers)
    return True


def has_title(root: etree._Element) -> bool:
    """Whether a descriptive record, or one wrapped in a METS, has a title; True for others."""
    about = list(_descriptive(root))
    texts = (text for one in about for path in TITLES for text in _texts(one, path))
    return not about or any(texts)


def identifiers(root: etree._Element) -> tuple[str, ...]:
    """Identifiers of the object that a record describes."""
    if root.tag == f"{{{METS}}}mets":
        return submitted_mets.read_structure(root).identifiers
    named = (
        text for one in _descriptive(root) for path in IDENTIFIERS for text in _texts(one, path)
    )
    return tuple(dict.fromkeys(named))


def _descriptive(root: etree._Element) -> Iterator[etree._Element]:
    above = submitted_mets.descriptions(root) if root.tag == f"{{{METS}}}mets" else (root,)
    for one in above:
        if one.tag in (f"{{{MODS}}}mods", *DC_ROOTS):
            yield one
        yield from one.iterchildren(f"{{{MODS}}}mods", *DC_ROOTS)


def _texts(above: etree._Element, path: str) -> Iterator[str]:
    for one in above.iterfind(path):
        text = " ".join("".join(map(str, one.itertext())).split())
        if text:
            yield text
