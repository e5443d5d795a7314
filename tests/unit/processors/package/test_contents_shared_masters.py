"""Pages that are images of one file: the package has the file once, and says which image is which."""

import io
import tarfile
from pathlib import Path

import pytest
from lxml import etree

from infra import standards
from processors.tools import Tools
from processors.xml.parser import parse
from processors.xml.validate import validate
from schemas.models import ItemCompleted
from tests.support.judge import judge
from tests.support.package_builders import (
    a_completed_item,
    a_page_entry,
    files_of,
    manifest_of,
    memory_tools,
    published,
    tar_of,
)
from tests.support.package_documents import submitted_mets

NS = {"m": "http://www.loc.gov/METS/", "p": "http://www.loc.gov/premis/v3"}
XLINK = "{http://www.w3.org/1999/xlink}"
HREF = f"{XLINK}href"
SCAN = {"file": {"path": "vol-1/scan.tif"}, "looks_like": "scan"}
PAGES = (
    a_page_entry(1, **SCAN, image=1),
    a_page_entry(2, **SCAN, image=2),
    a_page_entry(3),
    a_page_entry(4, **SCAN, image=3, kind="target"),
)


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    return memory_tools(tmp_path)


def document(item: ItemCompleted, tools: Tools, name: str) -> etree._Element:
    return parse(files_of(published(item, tools), tools)[f"data/metadata/{name}.xml"])


def test_the_master_is_in_the_package_once(tools: Tools) -> None:
    package = published(a_completed_item(tools, PAGES), tools)

    masters = [name for name in files_of(package, tools) if name.startswith("data/master/")]
    assert len(masters) == 2
    assert masters[1].startswith("data/master/vol-1__")
    assert (package.counts.pages, package.counts.masters) == (3, 4)


def test_mets_names_the_file_for_each_page_and_says_which_image_it_is(tools: Tools) -> None:
    mets = document(a_completed_item(tools, PAGES), tools, "mets")

    told = []
    for div in mets.iterfind(".//m:structMap/m:div/m:div", NS):
        ids = [one.get("FILEID") for one in div.iterfind("m:fptr", NS)]
        masters = mets.iterfind(".//m:file[@USE='master']", NS)
        (file,) = (one for one in masters if one.get("ID") in ids)
        stream = file.find("m:stream", NS)
        href = file.find("m:FLocat", NS).get(HREF)
        told.append((href.rpartition("/")[2][:7], stream is not None and stream.get("OWNERID")))
    assert told == [
        ("vol-1__", "image 1"),
        ("vol-1__", "image 2"),
        ("vol-1_0", False),
        ("vol-1__", "image 3"),
    ]


def test_premis_has_the_file_once_and_each_image_in_it(tools: Tools) -> None:
    premis = document(a_completed_item(tools, PAGES), tools, "premis")

    objects = {
        one.findtext("p:objectIdentifier/p:objectIdentifierValue", None, NS): one
        for one in premis.iterfind("p:object", NS)
    }
    names = [one.findtext("p:objectIdentifier/p:objectIdentifierValue", "", NS) for one in premis]
    (file,) = (name for name in names if name.startswith("file:data/master/vol-1__"))
    pages = [f"vol-1:{ref}" for ref in ("0001", "0002", "0004")]
    assert [name for name in names if name.startswith("image:")] == [f"image:{p}" for p in pages]
    assert related(objects[file]) == [f"page:{page}" for page in pages]
    assert [related(objects[f"image:{page}"]) for page in pages] == [
        [file, f"page:{page}"] for page in pages
    ]


def related(one: etree._Element) -> list[str]:
    """The objects that a PREMIS object is related to."""
    path = "p:relationship/p:relatedObjectIdentifier/p:relatedObjectIdentifierValue"
    return [str(value.text) for value in one.iterfind(path, NS)]


@pytest.mark.parametrize("name", ["mets", "premis"])
def test_the_documents_are_valid(tools: Tools, name: str) -> None:
    found = document(a_completed_item(tools, PAGES), tools, name)

    assert validate(found, standards.fetch()) == []


def test_a_withdrawn_page_leaves_the_file_to_the_others(tools: Tools) -> None:
    item = a_completed_item(tools, PAGES[:1], withdrawn=("0002",))
    other = a_completed_item(tools, PAGES[:2])

    package = published(item.model_copy(update={"files": (item.files[0], other.files[1])}), tools)

    files = files_of(package, tools)
    mets = parse(files["data/metadata/mets.xml"])
    masters = mets.findall(".//m:file[@USE='master']", NS)
    assert [one.find("m:stream", NS).get("OWNERID") for one in masters] == ["image 1"]
    assert sum(name.startswith("data/master/") for name in files) == 1
    assert package.counts.missing == 1


def test_the_same_pages_give_the_same_bytes(tools: Tools, tmp_path: Path) -> None:
    other = memory_tools(tmp_path / "other")

    first, second = (published(a_completed_item(one, PAGES), one) for one in (tools, other))

    assert first.sha256 == second.sha256


def test_the_judge_finds_no_fault_and_a_wrong_image(tools: Tools, tmp_path: Path) -> None:
    item = a_completed_item(tools, PAGES)
    package, manifest = published(item, tools), manifest_of(item, tools)
    with tarfile.open(fileobj=io.BytesIO(tar_of(package, tools))) as archive:
        archive.extractall(tmp_path / "out", filter="data")
    bag = tmp_path / "out" / package.package_id

    assert judge(bag, manifest, standards.fetch()) == []

    manifest["items"][0]["pages"][1]["image"] = 5
    assert [fault.rule for fault in judge(bag, manifest, standards.fetch())] == ["page.image"]


def test_chapters_of_a_submitted_mets_link_to_the_images_in_their_order(tools: Tools) -> None:
    delivered = submitted_mets(("scan.tif", "One"), ("scan.tif", "Two"), ("scan 0003.tif", "Three"))
    item = a_completed_item(tools, PAGES, (("METS", "vol-1/mets.xml", delivered),))

    mets = document(item, tools, "mets")

    links = [one.get(f"{XLINK}to") for one in mets.iterfind(".//m:smLink", NS)]
    assert links == ["PHYS", "PAGE_0001", "PAGE_0002", "PAGE_0003"]
