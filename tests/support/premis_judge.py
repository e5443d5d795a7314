"""Judges the PREMIS of a package of layout 2 by itself, also as Archivematica's importer of events.

The rules of the importer are those of its client script for PREMIS events: the document is valid;
files are the objects whose type is written premis:file, known by their first identifier; each
event, agent and file is linked to another; no link leads nowhere; an event is taken if it has an
agent and a file whose originalName is its path in the transfer, and a time that can be read. One
event that is not taken fails the whole import."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from uuid import UUID

from lxml import etree

NS = {"p": "http://www.loc.gov/premis/v3"}
KIND = "{http://www.w3.org/2001/XMLSchema-instance}type"

Name = tuple[str, str]
"""Type and value of an identifier."""


def names(element: etree._Element, prefix: str) -> list[Name]:
    """The identifiers in an element, in order."""
    return [
        (
            one.findtext(f"p:{prefix}Type", "", NS),
            one.findtext(f"p:{prefix}Value", "", NS),
        )
        for one in element.iterfind(f"p:{prefix}", NS)
    ]


def first(element: etree._Element, prefix: str) -> Name:
    """The first identifier of an element."""
    return names(element, prefix)[0]


def unresolved(premis: etree._Element) -> Iterator[str]:
    """Identifiers that are there twice, and links that lead nowhere or not to a first identifier."""
    known = {
        "Object": [first(one, "objectIdentifier") for one in premis.iterfind("p:object", NS)],
        "Event": [first(one, "eventIdentifier") for one in premis.iterfind("p:event", NS)],
        "Agent": [first(one, "agentIdentifier") for one in premis.iterfind("p:agent", NS)],
        "RightsStatement": [
            first(one, "rightsStatementIdentifier")
            for one in premis.iterfind("p:rights/p:rightsStatement", NS)
        ],
    }
    for kind, found in known.items():
        yield from (f"{kind} {name} {n} times" for name, n in Counter(found).items() if n > 1)
    for element in premis.iter(etree.Element):
        for kind, found in known.items():
            prefix = f"linking{kind}Identifier"
            yield from (f"{prefix} {one}" for one in names(element, prefix) if one not in found)


def unworldly(premis: etree._Element, item: str, package: str) -> Iterator[str]:
    """Objects whose identifier does not begin with item or package, and files without digest."""
    for one in premis.iterfind("p:object", NS):
        (_, value), *more = names(one, "objectIdentifier")
        if value not in (item, package) and not value.startswith(f"{package}/data/"):
            yield f"object {value}"
        digest = one.findtext(".//p:messageDigest", None, NS)
        digests = [text for kind, text in more if kind == "SHA-256"]
        if one.get(KIND) == "premis:file" and (
            len(digests) != 1 or digest not in (None, digests[0])
        ):
            yield f"object {value} has the digests {digests}, {digest}"


def not_imported(
    premis: etree._Element, files: Iterable[str], schema: etree.XMLSchema
) -> Iterator[str]:
    """Why Archivematica would refuse the document, or an event in it; nothing if it takes all."""
    if not schema.validate(premis):
        yield f"not valid: {schema.error_log[0]}"
        return
    there = set(files)
    kept = {
        first(one, "objectIdentifier"): one
        for one in premis.iterfind("p:object", NS)
        if one.get(KIND) == "premis:file"
    }
    events = {first(one, "eventIdentifier"): one for one in premis.iterfind("p:event", NS)}
    agents = {first(one, "agentIdentifier"): one for one in premis.iterfind("p:agent", NS)}
    of_files = {name: set(names(one, "linkingObjectIdentifier")) for name, one in events.items()}
    of_agents = {name: set(names(one, "linkingAgentIdentifier")) for name, one in events.items()}
    for linked, elements in ((of_files, kept), (of_agents, agents)):
        for name, element in elements.items():
            for event in names(element, "linkingEventIdentifier"):
                if event in linked:
                    linked[event].add(name)
                else:
                    yield f"{name} names the event {event}, which is not there"
        used = set[Name]().union(*linked.values()) if linked else set[Name]()
        yield from (f"{name} has no event" for name in elements if name not in used)
        yield from (f"{name} is linked and not there" for name in used if name not in elements)
    valid = {
        name
        for name, element in kept.items()
        if (element.findtext("p:originalName", "", NS)).strip() in there
    }
    for name, event in events.items():
        if not of_files[name] & valid:
            yield f"event {name} has no file of the transfer"
        if not of_agents[name] & set(agents):
            yield f"event {name} has no agent"
        yield from _unreadable(name[1], event)


def _unreadable(name: str, event: etree._Element) -> Iterator[str]:
    try:
        UUID(name)
    except ValueError:
        yield f"event {name} would get another identifier"
    try:
        moment = datetime.fromisoformat(event.findtext("p:eventDateTime", "", NS))
    except ValueError:
        yield f"event {name} has no time"
    else:
        if moment.tzinfo is None:
            yield f"event {name} has a time without zone"


def layout_of(bag: Path) -> int:
    """The layout version that a bag states."""
    lines = (bag / "bag-info.txt").read_text("utf-8").splitlines()
    return next((int(one[16:]) for one in lines if one.startswith("Package-Layout: ")), 1)


def premis_faults(bag: Path, schemas: Path) -> list[str]:
    """Everything that is wrong with the PREMIS of a bag; nothing for layout 1, which has no such
    promises."""
    if layout_of(bag) == 1:
        return []
    premis = etree.parse(str(bag / "data/metadata/premis.xml")).getroot()
    files = [one.relative_to(bag).as_posix() for one in bag.rglob("*") if one.is_file()]
    schema = etree.XMLSchema(etree.parse(str(schemas / "premis-3-0.xsd")))
    item = first(premis.find("p:object", NS), "objectIdentifier")[1]
    return [
        *unresolved(premis),
        *unworldly(premis, item, bag.name),
        *not_imported(premis, files, schema),
    ]


def events(bag: Path) -> list[tuple[str, str | None]]:
    """Type and code, or else outcome, of each event in the PREMIS of a bag."""
    premis = etree.parse(str(bag / "data/metadata/premis.xml")).getroot()
    return [
        (
            one.findtext("p:eventType", "", NS),
            one.findtext(".//p:eventOutcomeDetailNote", None, NS)
            or one.findtext(".//p:eventOutcome", None, NS),
        )
        for one in premis.iterfind("p:event", NS)
    ]
