"""Writes PREMIS 3.0 of a package: objects, events, agents and rights."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from lxml import etree

from processors.captures import device_of
from processors.package.contents import Contents
from processors.package.item_record import ItemRecord
from processors.package.layout import Payload
from processors.package_v1.descriptive import rights_lines
from processors.package_v1.premis_objects import OWN, identified, objects, premis
from processors.premis import LC_EVENT_TYPE, events_of
from processors.step import FormatName
from processors.xml.writing import streamed
from schemas.models import Agent, CaptureAccepted, Fact, PremisEvent, Rights
from schemas.times import written

__all__ = ["OWN", "agent_element", "agent_id", "event_element", "identified", "write_premis"]

LC = "http://id.loc.gov/vocabulary/preservation"
OUTCOMES = {"suc": "success", "fai": "fail", "war": "warning"}
AGENT_CODES = {"software": "sof", "hardware": "har", "organization": "org", "person": "per"}
ROLE_CODES = {
    "executing program": "exe",
    "implementer": "imp",
    "authorizer": "aut",
    "validator": "val",
}


def write_premis(
    path: Path,
    item: ItemRecord,
    contents: Contents,
    metadata: Iterable[Payload],
    identify: Callable[[Payload], FormatName],
) -> None:
    """Write the PREMIS document (https://www.loc.gov/standards/premis/) of a package to a file.

    Elements are written one by one, because an item may have 20,000 pages."""
    agents: dict[str, Agent] = {}
    notes: dict[str, str] = {}
    with streamed(path, premis, "premis", {"version": "3.0"}) as out:
        for element in objects(item, contents, metadata, identify):
            out.write(element)
        for fact in item.facts():
            notes |= _serial_number(fact)
            for event in events_of(fact):
                agents |= {agent_id(agent): agent for agent in event.agents}
                out.write(event_element(event))
        for name in sorted(agents):
            out.write(agent_element(name, agents[name], notes.get(name)))
        for element in _rights(item):
            out.write(element)


def _coded(name: str, text: str, vocabulary: str, code: str | None) -> etree._Element:
    uri = f"{LC}/{vocabulary}/{code}" if code else None
    return premis(name, text, attributes={"valueURI": uri})


def agent_id(agent: Agent) -> str:
    """Identifier of an agent, made of type, name and version."""
    version = f"@{agent.version}" if agent.version else ""
    return f"{agent.type}:{agent.name}{version}"


def _serial_number(fact: Fact) -> dict[str, str]:
    """The note about the device of a capture, by the identifier of the device."""
    device = device_of(fact) if isinstance(fact, CaptureAccepted) else None
    if device is None or not isinstance(fact, CaptureAccepted) or not fact.device_serial:
        return {}
    return {agent_id(device): f"serial number or address: {fact.device_serial}"}


def agent_element(name: str, agent: Agent, note: str | None = None) -> etree._Element:
    """An agent as a PREMIS element; `name` is its agent_id."""
    return premis(
        "agent",
        identified("agentIdentifier", OWN, name),
        premis("agentName", agent.name),
        _coded("agentType", agent.type, "agentType", AGENT_CODES.get(agent.type)),
        premis("agentVersion", agent.version) if agent.version else None,
        premis("agentNote", note) if note else None,
    )


def event_element(event: PremisEvent) -> etree._Element:
    """An event as a PREMIS element."""
    authority = "eventType" if event.event_type_uri.startswith(LC_EVENT_TYPE) else OWN
    note = None
    if event.code:
        note = premis("eventOutcomeDetail", premis("eventOutcomeDetailNote", event.code))
    return premis(
        "event",
        identified("eventIdentifier", "UUID", event.head.event_id),
        premis(
            "eventType",
            event.event_type,
            attributes={"authority": authority, "valueURI": event.event_type_uri},
        ),
        premis("eventDateTime", written(event.head.occurred_at)),
        premis("eventDetailInformation", premis("eventDetail", event.detail)),
        premis(
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


def _rights(item: ItemRecord) -> Iterator[etree._Element]:
    rights = item.rights
    if not rights_lines(rights):
        return
    yield premis(
        "rights",
        premis(
            "rightsStatement",
            identified("rightsStatementIdentifier", OWN, f"rights:{item.item_id}"),
            premis("rightsBasis", "other"),
            _basis(rights),
            _granted(rights),
            identified("linkingObjectIdentifier", OWN, f"item:{item.item_id}"),
        ),
    )


def _basis(rights: Rights) -> etree._Element:
    notes = [
        line for line in (rights.holder and f"Rights holder: {rights.holder}", rights.note) if line
    ]
    return premis(
        "otherRightsInformation",
        identified("otherRightsDocumentationIdentifier", "URI", rights.uri) if rights.uri else None,
        premis("otherRightsBasis", "rights statement as submitted"),
        *(premis("otherRightsNote", note) for note in notes),
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
    lines = (premis("restriction", line) for line in restrictions)
    return premis("rightsGranted", premis("act", "access"), *lines)
