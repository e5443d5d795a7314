"""MODS and Dublin Core are those submitted, or made from the fields of the item."""

from pathlib import Path

import pytest
from lxml import etree

from infra import standards
from processors.tools import Tools
from processors.xml.parser import parse
from processors.xml.validate import validate
from tests.support.package_builders import (
    RIGHTS,
    a_completed_item,
    files_of,
    memory_tools,
    published,
)
from tests.support.package_documents import MODS

NS = {"mods": "http://www.loc.gov/mods/v3", "dc": "http://purl.org/dc/elements/1.1/"}


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    return memory_tools(tmp_path)


def _made(tools: Tools, name: str, **description: object) -> etree._Element:
    item = a_completed_item(tools, **description)
    root = parse(files_of(published(item, tools), tools)[f"data/metadata/{name}.xml"])
    assert validate(root, standards.fetch()) == []
    return root


def _texts(root: etree._Element, path: str) -> list[str | None]:
    return [one.text for one in root.findall(path, NS)]


def test_a_submitted_record_is_unchanged_and_is_the_main_one(tools: Tools) -> None:
    records = (("MODS", "vol-1/my mods.xml", MODS), ("MODS", "other/MY MODS.xml", MODS + b" "))

    files = files_of(published(a_completed_item(tools, records=records), tools), tools)

    submitted = {name: content for name, content in files.items() if "/submitted/" in name}
    assert sorted(submitted.values()) == [MODS, MODS + b" "]
    assert files["data/metadata/mods.xml"] == MODS
    assert b"Psalter" in files["data/metadata/dc.xml"]


def test_mods_has_the_fields_of_the_item(tools: Tools) -> None:
    mods = _made(tools, "mods", part_of="Collected works")

    assert _texts(mods, "mods:titleInfo/mods:title") == ["Psalter & Hymns"]
    assert _texts(mods, "mods:identifier") == ["Ms. <fol> 88 ſ", "vol-1"]
    assert _texts(mods, "mods:language/mods:languageTerm") == ["lat", "ger"]
    host = "mods:relatedItem[@type='host']/mods:titleInfo/mods:title"
    assert _texts(mods, host) == ["Collected works"]
    assert _texts(mods, "mods:accessCondition")[0] == RIGHTS["uri"]


def test_mods_names_the_host_by_its_uri_if_given(tools: Tools) -> None:
    mods = _made(tools, "mods", part_of="https://library.example/works/7")

    host = mods.find("mods:relatedItem[@type='host']/mods:identifier", NS)
    assert (host.get("type"), host.text) == ("uri", "https://library.example/works/7")


def test_dublin_core_has_the_fields_of_the_item(tools: Tools) -> None:
    dc = _made(tools, "dc", part_of="Collected works")

    assert [(etree.QName(one).localname, one.text) for one in dc][:6] == [
        ("title", "Psalter & Hymns"),
        ("identifier", "Ms. <fol> 88 ſ"),
        ("identifier", "vol-1"),
        ("language", "lat"),
        ("language", "ger"),
        ("relation", "Collected works"),
    ]
    assert RIGHTS["uri"] in _texts(dc, "dc:rights")


def test_mods_has_the_bibliographic_code_that_its_authority_names(tools: Tools) -> None:
    mods = _made(tools, "mods", languages=["deu", "fre", "zho", "lat"])

    terms = mods.findall("mods:language/mods:languageTerm", NS)
    assert [one.text for one in terms] == ["ger", "fre", "chi", "lat"]
    assert {one.get("authority") for one in terms} == {"iso639-2b"}


@pytest.mark.parametrize("languages", [None, []])
def test_an_unstated_language_is_undetermined(tools: Tools, languages: list[str] | None) -> None:
    mods, dc = (_made(tools, name, languages=languages) for name in ("mods", "dc"))

    assert _texts(mods, "mods:language/mods:languageTerm") == ["und"]
    assert _texts(dc, "dc:language") == ["und"]


def test_a_record_without_namespace_is_kept_and_is_not_the_main_one(tools: Tools) -> None:
    plain = b"<mods><titleInfo><title>Plain</title></titleInfo></mods>"

    files = files_of(
        published(a_completed_item(tools, records=(("MODS", "mods.xml", plain),)), tools), tools
    )

    assert files["data/metadata/submitted/mods.xml"] == plain
    assert b"Psalter" in files["data/metadata/mods.xml"]


def test_records_that_are_only_stored_are_named_in_the_mets(tools: Tools) -> None:
    records = (
        ("MARCXML", "marc.xml", b"<collection/>"),
        ("CSV", "metadata.csv", b"title\nA\n"),
        ("BagInfo", "bag-info.txt", b"Contact-Name: N.\n"),
    )

    files = files_of(published(a_completed_item(tools, records=records), tools), tools)

    mets = parse(files["data/metadata/mets.xml"])
    assert validate(mets, standards.fetch()) == []
    references = {
        one.get("{http://www.w3.org/1999/xlink}href"): (one.get("MDTYPE"), one.get("OTHERMDTYPE"))
        for one in mets.iter("{*}mdRef")
    }
    for schema, path, content in records:
        assert files[f"data/metadata/submitted/{path}"] == content
        kind = ("MARC", None) if schema == "MARCXML" else ("OTHER", schema)
        assert references[f"submitted/{path}"] == kind
