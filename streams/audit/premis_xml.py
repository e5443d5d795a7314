"""Writes a history as a PREMIS 3.0 document."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from lxml import etree

from processors.package_v1.premis_document import (
    OWN,
    agent_element,
    agent_id,
    event_element,
    identified,
)
from processors.xml.writing import PREMIS, XSI, Maker
from schemas.models import Agent, Head, PremisEvent, Producer
from streams.audit.timeline import Row

SUBJECTS = (("batch_id", "batch"), ("item_id", "item"), ("page_id", "page"))
NSMAP = {"premis": PREMIS, "xsi": XSI}

_premis = Maker(PREMIS, NSMAP)


def write_history(path: Path, rows: Iterable[Row]) -> None:
    """Write the events, their objects and agents to a file
    (https://www.loc.gov/standards/premis/)."""
    rows = list(rows)
    agents: dict[str, Agent] = {}
    with etree.xmlfile(str(path), encoding="UTF-8") as out:
        out.write_declaration()
        with out.element(f"{{{PREMIS}}}premis", nsmap=NSMAP, version="3.0"):
            for element in _objects(rows):
                out.write("\n", element)
            for row in rows:
                event = event_of(row)
                agents |= {agent_id(agent): agent for agent in event.agents}
                out.write("\n", event_element(event))
            for name in sorted(agents):
                out.write("\n", agent_element(name, agents[name]))
            out.write("\n")


def event_of(row: Row) -> PremisEvent:
    """The event that a row was made from."""
    same = ("fact", "ordinal", "event_type", "event_type_uri", "outcome", "code", "detail")
    return PremisEvent(
        head=Head(
            event_id=str(row["event_id"]),
            cause_id=str(row["cause_id"]) if row["cause_id"] else None,
            batch_id=row["batch_id"],
            item_id=row["item_id"],
            page_id=row["page_id"],
            revision=row["revision"],
            occurred_at=row["occurred_at"],
            producer=Producer(name=row["producer_name"], version=row["producer_version"]),
        ),
        agents=tuple(Agent.model_validate(agent) for agent in row["agents"]),
        sources=tuple(row["sources"]),
        results=tuple(row["results"]),
        **{name: row[name] for name in same},
    )


def _objects(rows: list[Row]) -> Iterator[etree._Element]:
    """Every batch, item and page of the events, as an intellectual entity."""
    for column, kind in SUBJECTS:
        for name in sorted({row[column] for row in rows if row[column]}):
            yield _premis(
                "object",
                identified("objectIdentifier", OWN, f"{kind}:{name}"),
                attributes={f"{{{XSI}}}type": "premis:intellectualEntity"},
            )
