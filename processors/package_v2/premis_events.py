"""The PREMIS events and agents of a package; each event names files of the package."""

from collections.abc import Iterable
from importlib.metadata import version

from processors.package.contents import Contents
from processors.package.item_record import ItemRecord
from processors.package.layout import Payload
from processors.package_v2.premis_history import Occurrence, agent_id
from processors.package_v2.premis_identifiers import METS, OWN, UUID, Names, identifier
from processors.pipeline import STEPS
from processors.premis import LC_EVENT_TYPE, PRODUCER_ROLE, event_type_uri
from processors.xml.compact import element, leaf
from schemas.ids import make_id
from schemas.models import Agent, Head, PremisEvent
from schemas.times import written

LC = "http://id.loc.gov/vocabulary/preservation"
OUTCOMES = {"suc": "success", "fai": "fail", "war": "warning"}
AGENT_CODES = {"software": "sof", "hardware": "har", "organization": "org", "person": "per"}
ROLE_CODES = {
    "executing program": "exe",
    "implementer": "imp",
    "authorizer": "aut",
    "validator": "val",
}
PACKAGING = "information package creation"
MAX_NAMES = 20
"""Objects outside the package that the detail of an event names."""


def packaging(item: ItemRecord, package: str, contents: int, metadata: int) -> Occurrence:
    """The event that made the package. Its time is that of the completion, so that the same facts
    give the same bytes; the audit log has the time of the publication, as another event."""
    head = item.completed.head
    step = next(one for one in STEPS if one.name == "assemble_package")
    agent = Agent(
        type="software",
        name=f"copystand/{step.name}",
        version=f"{version('copystand')}+step.{step.version}",
        role=PRODUCER_ROLE,
    )
    event_id = make_id(head.event_id, PACKAGING)
    event = PremisEvent(
        head=Head(**{**head.model_dump(), "event_id": event_id, "cause_id": head.event_id}),
        fact="ItemCompleted",
        ordinal=0,
        event_type=PACKAGING,
        event_type_uri=event_type_uri(PACKAGING),
        outcome="suc",
        detail=f"Package {package} made of {contents} content files and {metadata} metadata files. "
        "Events of pages that are alike are one event here; the audit log has each: "
        f"copystand audit item {item.item_id} --premis FILE",
        agents=(agent,),
    )
    made = Occurrence(event, False, head.occurred_at, head.occurred_at)
    made.add(event)
    return made


class EventWriter:
    """Writes events with the files that they are about."""

    def __init__(self, contents: Contents, metadata: Iterable[Payload], names: Names) -> None:
        self._names = names
        self._masters = {
            f"page:{one.page_id}": names.file(one.path)
            for one in contents.payloads
            if one.use == "master"
        }
        self._files = self._masters | {
            f"sha256:{one.sha256}": names.file(one.path)
            for one in (*metadata, *contents.files())
            if not one.page_id or one.use == "master"
        }
        self._derivatives = {
            f"sha256:{one.sha256}": (names.file(one.path), self._masters[f"page:{one.page_id}"])
            for one in contents.payloads
            if one.use != "master" and f"page:{one.page_id}" in self._masters
        }
        self._item = {f"item:{names.item}", f"package:{names.package}"}

    def is_about_all(self, one: Occurrence) -> bool:
        """Whether an event is about the content of the package instead of certain files."""
        return not (one.has_files and one.is_about_pages) and not self._certain_files(one)

    def _certain_files(self, one: Occurrence) -> list[str]:
        """Identifiers of the files that an event names, unless these are all masters. An event of a
        page that names a derivative names its master, too: importers know files by their original
        name. In other events, such a digest is that of a delivered file with the same bytes."""
        named = dict.fromkeys(self._files[name] for name in one.objects if name in self._files)
        if one.is_about_pages:
            for name in one.objects:
                named |= dict.fromkeys(self._derivatives.get(name, ()))
        every = len(named) > 1 and named.keys() == set(self._masters.values())
        return [] if every else list(named)

    def element_of(self, one: Occurrence) -> str:
        """An event as an element. One that is about no certain files names the METS."""
        event, files = one.event, self._certain_files(one) or [self._names.file(METS)]
        authority = "eventType" if event.event_type_uri.startswith(LC_EVENT_TYPE) else OWN
        kind = {"authority": authority, "valueURI": event.event_type_uri}
        return element(
            "event",
            identifier("eventIdentifier", UUID, one.event_id),
            leaf("eventType", event.event_type, attributes=kind),
            leaf("eventDateTime", written(one.at)),
            element("eventDetailInformation", leaf("eventDetail", self._detail(one))),
            _outcome(event),
            *(_linked_agent(agent) for agent in one.agents.values()),
            *(identifier("linkingObjectIdentifier", OWN, file) for file in files),
        )

    def _detail(self, one: Occurrence) -> str:
        """The detail, and the objects outside the package that a single event names."""
        if len(one.ids) > 1:
            return one.detail
        inside = {*self._files, *self._item, *(self._derivatives if one.is_about_pages else ())}
        outside = [name for name in one.objects if name not in inside]
        if not outside:
            return one.detail
        more = f" and {len(outside) - MAX_NAMES} more" if len(outside) > MAX_NAMES else ""
        return f"{one.detail} Outside the package: {', '.join(outside[:MAX_NAMES])}{more}."


def _outcome(event: PremisEvent) -> str:
    uri = {"valueURI": f"{LC}/eventOutcome/{event.outcome}"}
    note = leaf("eventOutcomeDetailNote", event.code) if event.code else None
    return element(
        "eventOutcomeInformation",
        leaf("eventOutcome", OUTCOMES[event.outcome], attributes=uri),
        element("eventOutcomeDetail", note) if note else None,
    )


def _linked_agent(agent: Agent) -> str:
    code = ROLE_CODES.get(agent.role)
    uri = {"valueURI": f"{LC}/eventRelatedAgentRole/{code}"} if code else None
    role = leaf("linkingAgentRole", agent.role, attributes=uri)
    return identifier("linkingAgentIdentifier", OWN, agent_id(agent), role)


def agent_element(name: str, agent: Agent, note: str | None = None) -> str:
    """An agent as an element; `name` is its agent_id."""
    code = AGENT_CODES.get(agent.type)
    uri = {"valueURI": f"{LC}/agentType/{code}"} if code else None
    return element(
        "agent",
        identifier("agentIdentifier", OWN, name),
        leaf("agentName", agent.name),
        leaf("agentType", agent.type, attributes=uri),
        leaf("agentVersion", agent.version) if agent.version else None,
        leaf("agentNote", note) if note else None,
    )
