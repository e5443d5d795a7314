"""PREMIS 3.0 of a package: its objects, every event of its facts, agents and rights."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from lxml import etree

from processors.package.item_record import Item
from processors.package.layout import Payload
from processors.premis import LC_EVENT_TYPE, events_of
from processors.xml.descriptive import rights_lines
from processors.xml.writing import PREMIS, XSI, Maker
from schemas.ids import page_id
from schemas.models import Agent, PageAcquired, PremisEvent, Rights
from schemas.times import written

_premis = Maker(PREMIS, {"premis": PREMIS, "xsi": XSI})
KIND = f"{{{XSI}}}type"
LC = "http://id.loc.gov/vocabulary/preservation"
OUTCOMES = {"suc": "success", "fai": "fail", "war": "warning"}
AGENT_CODES = {"software": "sof", "hardware": "har", "organization": "org", "person": "per"}
ROLE_CODES = {
    "executing program": "exe",
    "implementer": "imp",
    "authorizer": "aut",
    "validator": "val",
}
OWN = "copystand"


def write_premis(path: Path, item: Item, payloads: Iterable[Payload]) -> None:
    """Write the PREMIS document (https://www.loc.gov/standards/premis/) of a package to a file.

    Elements are written one by one, so that a volume of 20,000 pages stays small in memory."""
    agents: dict[str, Agent] = {}
    with etree.xmlfile(str(path), encoding="UTF-8") as out:
        out.write_declaration()
        root = out.element(
            f"{{{PREMIS}}}premis", nsmap={"premis": PREMIS, "xsi": XSI}, version="3.0"
        )
        with root:
            for element in _objects(item, list(payloads)):
                _put(out, element)
            for fact in item.facts():
                for event in events_of(fact):
                    agents |= {agent_id(agent): agent for agent in event.agents}
                    _put(out, event_element(event))
            for name in sorted(agents):
                _put(out, agent_element(name, agents[name]))
            for element in _rights(item):
                _put(out, element)
            out.write("\n")


def _put(out: Any, element: etree._Element) -> None:
    etree.indent(element, space="  ", level=1)
    out.write("\n  ", element)


def identified(prefix: str, kind: str, value: str) -> etree._Element:
    """An identifier element with its type and value."""
    return _premis(f"{prefix}", _premis(f"{prefix}Type", kind), _premis(f"{prefix}Value", value))


def _coded(name: str, text: str, vocabulary: str, code: str | None) -> etree._Element:
    uri = f"{LC}/{vocabulary}/{code}" if code else None
    return _premis(name, text, attributes={"valueURI": uri})


def _objects(item: Item, payloads: list[Payload]) -> Iterator[etree._Element]:
    yield _premis(
        "object",
        identified("objectIdentifier", OWN, f"item:{item.item_id}"),
        *(
            identified("objectIdentifier", identifier["type"], identifier["value"])
            for identifier in item.description.get("identifiers") or ()
        ),
        attributes={KIND: "premis:intellectualEntity"},
    )
    with_files = {payload.page_id for payload in payloads}
    for page in item.pages:
        name = page_id(item.item_id, page["ref"])
        if name in with_files:
            yield _premis(
                "object",
                identified("objectIdentifier", OWN, f"page:{name}"),
                _property("kind", page["kind"]),
                _relation("structural", "is part of", f"item:{item.item_id}"),
                attributes={KIND: "premis:representation"},
            )
    masters = {one.page_id: one for one in payloads if one.use == "master"}
    acquired = {fact.head.page_id: fact for fact in item.facts() if isinstance(fact, PageAcquired)}
    for payload in payloads:
        yield _file(item, payload, masters.get(payload.page_id), acquired.get(payload.page_id))


def _property(name: str, value: str) -> etree._Element:
    return _premis(
        "significantProperties",
        _premis("significantPropertiesType", name),
        _premis("significantPropertiesValue", value),
    )


def _relation(kind: str, subtype: str, related: str, event: str | None = None) -> etree._Element:
    return _premis(
        "relationship",
        _premis("relationshipType", kind),
        _premis("relationshipSubType", subtype),
        identified("relatedObjectIdentifier", OWN, related),
        identified("relatedEventIdentifier", "UUID", event) if event else None,
    )


def _file(
    item: Item, payload: Payload, master: Payload | None, acquired: PageAcquired | None
) -> etree._Element:
    part_of = f"page:{payload.page_id}" if payload.page_id else f"item:{item.item_id}"
    is_master = payload.use == "master"
    relations = [_relation("structural", "is part of", part_of)]
    if master and not is_master:
        source = f"file:{master.path}"
        relations.append(_relation("derivation", "has source", source, payload.event_id))
    size = str(payload.size_bytes)
    return _premis(
        "object",
        identified("objectIdentifier", OWN, f"file:{payload.path}"),
        identified("objectIdentifier", "sha256", f"sha256:{payload.sha256}"),
        *(_image_properties(acquired) if acquired and is_master else ()),
        _premis(
            "objectCharacteristics",
            _premis("compositionLevel", "0"),
            _premis(
                "fixity",
                _premis("messageDigestAlgorithm", "SHA-256"),
                _premis("messageDigest", payload.sha256),
            ),
            _premis("size", size),
            _format(payload, acquired if is_master else None),
        ),
        _premis("originalName", payload.original_name) if payload.original_name else None,
        *relations,
        attributes={KIND: "premis:file"},
    )


def _image_properties(acquired: PageAcquired) -> Iterator[etree._Element]:
    yield _property("width_px", str(acquired.width_px))
    yield _property("height_px", str(acquired.height_px))
    yield _property("colour_space", acquired.colour_space)
    if acquired.resolution_dpi is not None:
        yield _property("resolution_dpi", f"{acquired.resolution_dpi:g}")


def _format(payload: Payload, acquired: PageAcquired | None) -> etree._Element:
    name = acquired.format_name if acquired else payload.media_type
    version = acquired.format_version if acquired else None
    puid = acquired.format_puid if acquired else None
    registry = None
    if puid:
        registry = _premis(
            "formatRegistry",
            _premis("formatRegistryName", "PRONOM"),
            _premis("formatRegistryKey", puid),
        )
    return _premis(
        "format",
        _premis(
            "formatDesignation",
            _premis("formatName", name),
            _premis("formatVersion", version) if version else None,
        ),
        registry,
    )


def agent_id(agent: Agent) -> str:
    """Identifier of an agent: type, name and version."""
    version = f"@{agent.version}" if agent.version else ""
    return f"{agent.type}:{agent.name}{version}"


def agent_element(name: str, agent: Agent) -> etree._Element:
    """One agent as a PREMIS element; name is its agent_id."""
    return _premis(
        "agent",
        identified("agentIdentifier", OWN, name),
        _premis("agentName", agent.name),
        _coded("agentType", agent.type, "agentType", AGENT_CODES.get(agent.type)),
        _premis("agentVersion", agent.version) if agent.version else None,
    )


def event_element(event: PremisEvent) -> etree._Element:
    """One event of the log as a PREMIS element."""
    authority = "eventType" if event.event_type_uri.startswith(LC_EVENT_TYPE) else OWN
    note = None
    if event.code:
        note = _premis("eventOutcomeDetail", _premis("eventOutcomeDetailNote", event.code))
    return _premis(
        "event",
        identified("eventIdentifier", "UUID", event.head.event_id),
        _premis(
            "eventType",
            event.event_type,
            attributes={"authority": authority, "valueURI": event.event_type_uri},
        ),
        _premis("eventDateTime", written(event.head.occurred_at)),
        _premis("eventDetailInformation", _premis("eventDetail", event.detail)),
        _premis(
            "eventOutcomeInformation",
            _coded("eventOutcome", OUTCOMES[event.outcome], "eventOutcome", event.outcome),
            note,
        ),
        *(_linked_agent(agent) for agent in event.agents),
        *(_linked_object(name, "source", "sou") for name in event.sources),
        *(_linked_object(name, "outcome", "out") for name in event.results),
    )


def _linked_agent(agent: Agent) -> etree._Element:
    element = identified("linkingAgentIdentifier", OWN, agent_id(agent))
    code = ROLE_CODES.get(agent.role)
    element.append(_coded("linkingAgentRole", agent.role, "eventRelatedAgentRole", code))
    return element


def _linked_object(name: str, role: str, code: str) -> etree._Element:
    kind = "sha256" if name.startswith("sha256:") else OWN
    element = identified("linkingObjectIdentifier", kind, name)
    element.append(_coded("linkingObjectRole", role, "eventRelatedObjectRole", code))
    return element


def _rights(item: Item) -> Iterator[etree._Element]:
    rights = item.rights
    if not rights_lines(rights):
        return
    yield _premis(
        "rights",
        _premis(
            "rightsStatement",
            identified("rightsStatementIdentifier", OWN, f"rights:{item.item_id}"),
            _premis("rightsBasis", "other"),
            _basis(rights),
            _granted(rights),
            identified("linkingObjectIdentifier", OWN, f"item:{item.item_id}"),
        ),
    )


def _basis(rights: Rights) -> etree._Element:
    notes = [
        line for line in (rights.holder and f"Rights holder: {rights.holder}", rights.note) if line
    ]
    return _premis(
        "otherRightsInformation",
        identified("otherRightsDocumentationIdentifier", "URI", rights.uri) if rights.uri else None,
        _premis("otherRightsBasis", "rights statement as submitted"),
        *(_premis("otherRightsNote", note) for note in notes),
    )


def _granted(rights: Rights) -> etree._Element | None:
    restrictions = [
        line
        for line in (
            rights.access and f"access: {rights.access}",
            rights.embargo_until and f"embargo until {rights.embargo_until}",
        )
        if line
    ]
    if not restrictions:
        return None
    lines = (_premis("restriction", line) for line in restrictions)
    return _premis("rightsGranted", _premis("act", "access"), *lines)
