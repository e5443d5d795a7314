"""METS lists the pages, files, technical metadata and chapters of a package."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from processors.package_v1.mets_structure import submitted_structure
from processors.tools import Tools
from processors.xml.parser import parse
from tests.support.package_builders import (
    a_completed_item,
    a_page_entry,
    files_of,
    memory_tools,
    metadata_of,
    published,
)
from tests.support.package_documents import MODS, submitted_mets

NS = {
    "m": "http://www.loc.gov/METS/",
    "x": "http://www.w3.org/1999/xlink",
    "mix": "http://www.loc.gov/mix/v20",
    "dc": "http://purl.org/dc/elements/1.1/",
}
HREF, FROM, TO = (f"{{{NS['x']}}}{name}" for name in ("href", "from", "to"))


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    return memory_tools(tmp_path)


def test_lists_pages_in_order_with_kind_and_labels_and_their_files(tools: Tools) -> None:
    pages = (
        a_page_entry(9, kind="target"),
        a_page_entry(3, kind="missing", file=None),
        a_page_entry(2, labels=["1v", "2r"], layout="spread"),
    )

    mets = metadata_of(a_completed_item(tools, pages=pages), tools, "mets")

    divs = mets.findall(".//m:structMap[@TYPE='PHYSICAL']/m:div/m:div", NS)
    assert [tuple(map(div.get, ("ORDER", "ORDERLABEL", "TYPE", "LABEL"))) for div in divs] == [
        ("2", "1v 2r", "page", "spread"),
        ("3", "3r", "missing", None),
        ("9", "9r", "target", None),
    ]
    assert [len(div.findall("m:fptr", NS)) for div in divs] == [9, 0, 4]


def test_groups_files_and_distinguishes_pyramid_and_access_image(tools: Tools) -> None:
    pages = (a_page_entry(1), a_page_entry(2, kind="target"))

    mets = metadata_of(a_completed_item(tools, pages=pages), tools, "mets")

    groups = {
        group.get("USE"): [file.get("USE") for file in group] for group in mets.iterfind(".//m:fileGrp", NS)
    }  # fmt: skip
    assert groups == {
        "MASTER": ["master"],
        "DEFAULT": ["pyramid", "access", "pyramid", "access"],
        "THUMBS": ["thumbnail", "thumbnail"],
        "FULLTEXT": ["alto", "hocr", "text", "tsv"],
        "DOWNLOAD": ["pdf"],
        "TARGET": ["master"],
    }
    grouped = {file.get("GROUPID") for file in mets.iterfind(".//m:file", NS)}
    assert grouped == {"GROUP_0001", "GROUP_0002"}


def test_names_every_payload_file_except_itself_with_its_digest(tools: Tools) -> None:
    records = (("MODS", "vol-1/mods.xml", MODS), ("EAD", "vol-1/find.xml", b"<ead/>"))
    package = published(a_completed_item(tools, records=records), tools)

    files = files_of(package, tools)
    named = {}
    for link in parse(files["data/metadata/mets.xml"]).xpath("//*[@x:href]", namespaces=NS):
        holder = link.getparent() if link.tag.endswith("FLocat") else link
        path = f"data/metadata/{link.get(HREF)}".replace("metadata/../", "")
        named[path] = holder.get("CHECKSUM")
    expected: dict[str, str | None] = {
        name: hashlib.sha256(content).hexdigest()
        for name, content in files.items()
        if name.startswith("data/")
    }
    del expected["data/metadata/mets.xml"]
    expected["data/metadata/premis.xml"] = None
    assert named == expected


def test_wraps_the_mix_of_a_page_and_refers_to_it_from_the_master(tools: Tools) -> None:
    mets = metadata_of(a_completed_item(tools), tools, "mets")

    masters = mets.findall(".//m:file[@USE='master']", NS)
    assert [file.get("ADMID") for file in masters] == [
        "TECH_0001 PREMIS",
        "TECH_0002 PREMIS",
        "TECH_0004 PREMIS",
    ]
    (wrap,) = mets.findall(".//m:techMD[@ID='TECH_0002']/m:mdWrap", NS)
    assert wrap.get("MDTYPE") == "NISOIMG"
    assert wrap.findtext(".//mix:imageHeight", None, NS) == "200"


def test_wraps_the_embedded_description_and_refers_to_it_from_its_page_only(tools: Tools) -> None:
    pages = (a_page_entry(1), a_page_entry(2, embedded="From the camera"))

    mets = metadata_of(a_completed_item(tools, pages=pages), tools, "mets")

    divs = mets.findall(".//m:structMap[@TYPE='PHYSICAL']/m:div/m:div", NS)
    assert [div.get("DMDID") for div in divs] == [None, "DMD_0002"]
    assert mets.findtext(".//m:dmdSec[@ID='DMD_0002']//dc:title", None, NS) == "From the camera"


def _chapters(tools: Tools, submitted: bytes) -> list[tuple[str | None, str | None]]:
    """Label of a division and the page it links to, as a viewer would show them."""
    records = (("METS", "vol-1/mets.xml", submitted),)
    pages = tuple(a_page_entry(n) for n in (1, 2, 3))
    mets = metadata_of(a_completed_item(tools, pages=pages, records=records), tools, "mets")
    labels = {
        div.get("ID"): div.get("LABEL")
        for div in mets.iterfind(".//m:structMap[@TYPE='LOGICAL']//m:div", NS)
    }
    links = mets.iterfind("m:structLink/m:smLink", NS)
    return [(labels[link.get(FROM)], link.get(TO)) for link in links]


def test_copies_the_chapters_of_a_submitted_mets_and_links_them_to_the_pages(
    tools: Tools,
) -> None:
    submitted = submitted_mets(("scan%200002.tif", "Prologue"), ("scan 0003.tif", "Act I"))

    assert _chapters(tools, submitted) == [
        ("Whole", "PHYS"),
        ("Prologue", "PAGE_0002"),
        ("Act I", "PAGE_0003"),
    ]


def test_matches_a_page_that_a_submitted_mets_names_in_another_format(tools: Tools) -> None:
    submitted = submitted_mets(("max/scan 0003.jpg", "Act I"), ("unknown.jpg", "Act II"))

    assert _chapters(tools, submitted) == [("Whole", "PHYS"), ("Act I", "PAGE_0003")]


def test_matches_a_page_ignoring_the_case_of_its_name(tools: Tools) -> None:
    submitted = submitted_mets(("SCAN 0003.TIF", "Act I"))

    assert _chapters(tools, submitted) == [("Whole", "PHYS"), ("Act I", "PAGE_0003")]


def a_page_at(path: str, ref: str) -> dict[str, Any]:
    return {"ref": ref, "file": {"path": path}}


def test_a_number_sign_in_a_delivered_name_has_no_special_meaning() -> None:
    submitted = submitted_mets(("scan%231.tif", "One"), ("scan%232.tif", "Two"))
    pages = [a_page_at("vol/scan#1.tif", "0001"), a_page_at("vol/scan#2.tif", "0002")]

    found = submitted_structure([submitted], pages)

    assert found is not None
    assert found.refs == {0: "0001", 1: "0002"}


def test_chapters_are_not_linked_to_pages_with_ambiguous_names() -> None:
    submitted = submitted_mets(("1.tif", "One"), ("2.tif", "Two"))
    pages = [a_page_at(path, ref) for path, ref in (("a/1.tif", "1"), ("b/1.tif", "2"))]

    found = submitted_structure([submitted], [*pages, a_page_at("a/2.tif", "3")])

    assert found is not None
    assert found.refs == {1: "3"}


@pytest.mark.parametrize("submitted", [submitted_mets(("unknown.tif", "One")), b"no xml"])
def test_there_are_no_chapters_if_a_submitted_mets_names_none_of_the_files(
    tools: Tools, submitted: bytes
) -> None:
    assert _chapters(tools, submitted) == []
