"""The judge of PREMIS finds nothing in a good document, and whatever is planted in one."""

import io
import json
import re
import tarfile
from collections.abc import Callable
from pathlib import Path

import fastjsonschema
import pytest
from lxml import etree

from infra import standards
from processors.xml.parser import parse
from tests.support import judge, premis_judge
from tests.support.corpora import corpus
from tests.support.package_builders import (
    a_completed_item,
    files_of,
    manifest_of,
    memory_tools,
    published,
    tar_of,
)

PREMIS = "data/metadata/premis.xml"


@pytest.fixture(scope="module")
def bags(tmp_path_factory: pytest.TempPathFactory) -> dict[int, dict[str, bytes]]:
    tools = memory_tools(tmp_path_factory.mktemp("bags"))
    return {
        layout: files_of(published(a_completed_item(tools, layout=layout), tools), tools)
        for layout in (1, 2)
    }


@pytest.fixture(scope="module")
def schema() -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(standards.fetch() / "premis-3-0.xsd"))


def refusals(bag: dict[str, bytes], document: bytes, schema: etree.XMLSchema) -> list[str]:
    premis = parse(document)
    return [
        *premis_judge.unresolved(premis),
        *premis_judge.unworldly(premis, "vol-1", "vol-1.v1"),
        *premis_judge.not_imported(premis, bag, schema),
    ]


def test_takes_a_good_document(bags: dict[int, dict[str, bytes]], schema: etree.XMLSchema) -> None:
    assert refusals(bags[2], bags[2][PREMIS], schema) == []


def test_a_package_with_iiif_has_no_fault(tmp_path: Path) -> None:
    tools = memory_tools(tmp_path)
    profile = {"institution": {"files": "https://repository.example/{item_id}"}}
    item = a_completed_item(tools, layout=2, profile=profile)
    package = published(item, tools)
    with tarfile.open(fileobj=io.BytesIO(tar_of(package, tools))) as archive:
        archive.extractall(tmp_path / "bags", filter="data")
    bag = tmp_path / "bags" / package.package_id

    assert sorted(one.name for one in (bag / "data/iiif").rglob("*.json")) == [
        *("0001.json", "0002.json"),
        "manifest.json",
    ]
    assert judge.judge(bag, manifest_of(item, tools), standards.fetch()) == []
    assert premis_judge.premis_faults(bag, standards.fetch()) == []
    schema = json.loads((corpus("iiif") / "schema" / "iiif_3_0.json").read_text("utf-8"))
    validate = fastjsonschema.compile(schema)
    for path in (bag / "data/iiif").rglob("*.json"):
        validate(json.loads(path.read_text("utf-8")))


def test_refuses_every_event_of_layout_1(
    bags: dict[int, dict[str, bytes]], schema: etree.XMLSchema
) -> None:
    premis = parse(bags[1][PREMIS])

    found = list(premis_judge.not_imported(premis, bags[1], schema))

    events = premis.findall("p:event", premis_judge.NS)
    without_file = [one for one in found if one.endswith("has no file of the transfer")]
    assert len(without_file) == len(events) > 20


def _replaced(old: str, new: str) -> Callable[[bytes], bytes]:
    def change(document: bytes) -> bytes:
        assert old.encode() in document
        return document.replace(old.encode(), new.encode())

    return change


def _without(start: str, end: str, *, every: bool = False) -> Callable[[bytes], bytes]:
    def change(document: bytes) -> bytes:
        span = re.compile(re.escape(start).encode() + b".*?" + re.escape(end).encode())
        changed, count = span.subn(b"", document, count=0 if every else 1)
        assert count
        return changed

    return change


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            _replaced("<eventIdentifierValue>", "<eventIdentifierValue>log-"),
            "get another identifier",
        ),
        (_replaced('"premis:file"', '"file"'), "is linked and not there"),
        (_replaced("<originalName>data/", "<originalName>"), "has no file of the transfer"),
        (_replaced("Z</eventDateTime>", "</eventDateTime>"), "a time without zone"),
        (_replaced("T12:05:00.000000Z</eventDateTime>", " noon</eventDateTime>"), "has no time"),
        (_without("<linkingAgentIdentifier>", "</linkingAgentIdentifier>", every=True), "no agent"),
        (_without("<agent>", "</agent>"), "is linked and not there"),
        (_without("<linkingEventIdentifier>", "</linkingEventIdentifier>"), "has no event"),
        (_without("<event>", "</event>"), "linkingEventIdentifier"),
        (_without("<objectIdentifier><objectIdentifierType>SHA", "</objectIdentifier>"), "digests"),
        (_replaced("Value>vol-1.v1/data/access", "Value>data/access"), "object data/access"),
        (_replaced("_0001.tsv</objectId", "_0001.txt</objectId"), "2 times"),
    ],
)
def test_finds_what_is_planted(
    bags: dict[int, dict[str, bytes]],
    schema: etree.XMLSchema,
    change: Callable[[bytes], bytes],
    expected: str,
) -> None:
    found = refusals(bags[2], change(bags[2][PREMIS]), schema)

    assert any(expected in one for one in found)
