"""PREMIS lists the objects of a package, their relationships and events."""

from pathlib import Path

import pytest
from lxml import etree

from processors.premis import events_of
from processors.tools import Tools
from schemas.models import PageDerived, PageRecognized
from tests.support.package_builders import (
    a_completed_item,
    a_page_entry,
    facts_of,
    memory_tools,
    metadata_of,
)
from tests.support.package_facts import worker_of

NS = {"p": "http://www.loc.gov/premis/v3"}
KIND = "{http://www.w3.org/2001/XMLSchema-instance}type"
VALUE = "p:{0}Identifier/p:{0}IdentifierValue"


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    return memory_tools(tmp_path)


def _object(premis: etree._Element, name: str) -> etree._Element:
    path = f"p:object[p:objectIdentifier/p:objectIdentifierValue='{name}']"
    (found,) = premis.xpath(path, namespaces=NS)
    return found


def _text(element: etree._Element, name: str) -> str | None:
    return element.findtext(f".//p:{name}", None, NS)


def test_contains_every_event_of_the_facts_of_the_item(tools: Tools) -> None:
    item = a_completed_item(tools)

    premis = metadata_of(item, tools, "premis")

    owed = [event for fact in facts_of(item, tools) for event in events_of(fact)]
    assert [
        (
            event.findtext(VALUE.format("event"), None, NS),
            event.find("p:eventType", NS).get("valueURI"),
            event.find(".//p:eventOutcome", NS).get("valueURI").rsplit("/", 1)[1],
            _text(event, "eventOutcomeDetailNote"),
            len(event.findall("p:linkingAgentIdentifier", NS)),
        )
        for event in premis.findall("p:event", NS)
    ] == [
        (event.head.event_id, event.event_type_uri, event.outcome, event.code, len(event.agents))
        for event in owed
    ]


def test_lists_each_agent_once_and_no_other(tools: Tools) -> None:
    premis = metadata_of(a_completed_item(tools), tools, "premis")

    agents = [agent.text for agent in premis.findall(f"p:agent/{VALUE.format('agent')}", NS)]
    linked = {link.text for link in premis.findall(".//p:linkingAgentIdentifierValue", NS)}
    assert agents == sorted(linked)


def test_links_each_event_to_the_worker_that_ran_the_program(tools: Tools) -> None:
    premis = metadata_of(a_completed_item(tools), tools, "premis")

    worker = f"software:{worker_of('run-1')}"
    link = f"p:linkingAgentIdentifier[p:linkingAgentIdentifierValue='{worker}']"
    events = premis.findall("p:event", NS)
    roles = [_text(event.xpath(link, namespaces=NS)[0], "linkingAgentRole") for event in events]
    assert roles == ["implementer"] * len(events)
    assert worker in [one.text for one in premis.findall(f"p:agent/{VALUE.format('agent')}", NS)]


def test_an_item_has_a_representation_with_pages_and_files(tools: Tools) -> None:
    premis = metadata_of(a_completed_item(tools), tools, "premis")

    kinds = [
        (one.get(KIND), one.findtext(VALUE.format("object"), None, NS))
        for one in premis.findall("p:object", NS)
    ]
    assert kinds[:4] == [
        ("premis:intellectualEntity", "item:vol-1"),
        ("premis:representation", "representation:vol-1"),
        ("premis:representation", "page:vol-1:0001"),
        ("premis:file", "file:data/master/vol-1_0001.tif"),
    ]
    representation = _object(premis, "representation:vol-1")
    assert [
        (_text(one, "relationshipSubType"), _text(one, "relatedObjectIdentifierValue"))
        for one in representation.findall("p:relationship", NS)
    ] == [("represents", "item:vol-1"), ("has root", "file:data/metadata/mets.xml")]
    names = {value.text for value in premis.findall(f"p:object/{VALUE.format('object')}", NS)}
    related = {value.text for value in premis.findall(".//p:relatedObjectIdentifierValue", NS)}
    assert related <= names


@pytest.mark.parametrize(
    ("path", "fact", "made_by", "puid"),
    [
        ("data/text/vol-1_0002.xml", PageRecognized, "tesseract", "fmt/101"),
        ("data/download/vol-1_0002.pdf", PageRecognized, "tesseract", "fmt/19"),
        ("data/access/vol-1_0002.jpg", PageDerived, "libvips", "fmt/43"),
        ("data/access/vol-1_0002.tif", PageDerived, "libvips", "fmt/353"),
    ],
)
def test_a_derivative_names_its_master_event_and_software(
    tools: Tools, path: str, fact: type, made_by: str, puid: str
) -> None:
    item = a_completed_item(tools)

    file = _object(metadata_of(item, tools, "premis"), f"file:{path}")

    (relation,) = file.xpath("p:relationship[p:relationshipType='derivation']", namespaces=NS)
    (maker,) = (
        one
        for one in facts_of(item, tools)
        if isinstance(one, fact) and one.head.page_id == "vol-1:0002"  # type: ignore[attr-defined]
    )
    creation = events_of(maker)[1]
    assert _text(relation, "relatedObjectIdentifierValue") == "file:data/master/vol-1_0002.tif"
    assert _text(relation, "relatedEventIdentifierValue") == creation.head.event_id
    assert creation.event_type == "creation"
    assert _text(file, "creatingApplicationName") == made_by
    assert _text(file, "formatRegistryKey") == puid


def test_a_master_has_its_delivered_name_and_software_and_no_source(tools: Tools) -> None:
    premis = metadata_of(a_completed_item(tools), tools, "premis")

    master = _object(premis, "file:data/master/vol-1_0001.tif")

    assert _text(master, "originalName") == "scan 0001.tif"
    assert _text(master, "creatingApplicationName") == "ScanGear 4"
    assert _text(master, "dateCreatedByApplication") == "2019-05-01T10:00:00"
    assert [one.text for one in master.findall(".//p:relationshipSubType", NS)] == ["is part of"]


def test_a_delivered_text_has_its_delivered_name(tools: Tools) -> None:
    pages = (a_page_entry(1, text={"path": "vol-1/from elsewhere.xml"}), a_page_entry(2))
    premis = metadata_of(a_completed_item(tools, pages=pages), tools, "premis")

    texts = [_object(premis, f"file:data/text/vol-1_000{n}.xml") for n in (1, 2)]

    names = [_text(one, "originalName") for one in texts]
    assert names == ["vol-1/from elsewhere.xml", None]


def test_rights_and_item_are_linked_in_both_directions(tools: Tools) -> None:
    premis = metadata_of(a_completed_item(tools), tools, "premis")

    (statement,) = premis.findall("p:rights/p:rightsStatement", NS)
    assert _text(statement, "linkingObjectIdentifierValue") == "item:vol-1"
    item = _object(premis, "item:vol-1")
    assert _text(item, "linkingRightsStatementIdentifierValue") == "rights:vol-1"


@pytest.mark.parametrize(
    ("stated", "superseded", "related"),
    [
        ({"replaces": "vol-1"}, ("vol-1.v2",), [("supersedes", "package:vol-1.v2")]),
        ({"replaces": "vol-1.v1"}, ("vol-1.v1",), [("supersedes", "package:vol-1.v1")]),
        ({"replaces": "vol-1"}, (), []),
        ({"replaces": "vol-0"}, (), [("supersedes", "item:vol-0")]),
        ({"supplements": "vol-0"}, (), [("supplements", "item:vol-0")]),
        ({}, ("vol-1.v1",), []),
    ],
)
def test_an_item_names_what_it_replaces_or_supplements(
    tools: Tools,
    stated: dict[str, str],
    superseded: tuple[str, ...],
    related: list[tuple[str, str]],
) -> None:
    item = a_completed_item(tools, supersedes=superseded, **stated)

    entity = _object(metadata_of(item, tools, "premis"), "item:vol-1")

    assert [
        (_text(one, "relationshipSubType"), _text(one, "relatedObjectIdentifierValue"))
        for one in entity.findall("p:relationship", NS)
    ] == related
