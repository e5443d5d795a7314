"""What a delivered METS says about divisions of an item is kept, and refers to nothing else."""

from typing import Any

import pytest
from lxml import etree

from processors.package_v2.delivered_structure import delivered_structure
from tests.support.package_documents import submitted_mets

HEAD = '<mets xmlns="http://www.loc.gov/METS/" xmlns:xlink="http://www.w3.org/1999/xlink">'
FILES = '<fileSec><fileGrp><file ID="F"><FLocat LOCTYPE="URL" xlink:href="1.jpg"/></file></fileGrp></fileSec>'
PHYSICAL = (
    '<structMap TYPE="PHYSICAL"><div ID="P"><div ID="P1" TYPE="page"><fptr FILEID="F"/></div></div>'
    '</structMap><structLink><smLink xlink:from="L" xlink:to="P1"/></structLink></mets>'
)


def a_page_at(path: str, ref: str) -> dict[str, Any]:
    return {"ref": ref, "file": {"path": path}}


def a_mets(division: str, sections: str = "") -> bytes:
    logical = f'<structMap TYPE="LOGICAL">{division}</structMap>'
    return f"{HEAD}{sections}{FILES}{logical}{PHYSICAL}".encode()


PAGES = [a_page_at("vol/1.tif", "0001")]


def test_a_number_sign_in_a_delivered_name_has_no_special_meaning() -> None:
    submitted = submitted_mets(("scan%231.tif", "One"), ("scan%232.tif", "Two"))
    pages = [a_page_at("vol/scan#1.tif", "0001"), a_page_at("vol/scan#2.tif", "0002")]

    found = delivered_structure([submitted], pages)

    assert found is not None
    assert found.pages_of == {"LOG_0000": (), "LOG_0001": ("0001",), "LOG_0002": ("0002",)}


def test_chapters_are_not_linked_to_pages_with_ambiguous_names() -> None:
    submitted = submitted_mets(("1.tif", "One"), ("2.tif", "Two"))
    pages = [a_page_at(path, ref) for path, ref in (("a/1.tif", "1"), ("b/1.tif", "2"))]

    found = delivered_structure([submitted], [*pages, a_page_at("a/2.tif", "3")])

    assert found is not None
    assert found.pages_of == {"LOG_0000": (), "LOG_0001": (), "LOG_0002": ("3",)}


@pytest.mark.parametrize("submitted", [submitted_mets(("unknown.tif", "One")), b"no xml"])
def test_a_mets_that_names_none_of_the_files_has_no_structure_for_the_item(
    submitted: bytes,
) -> None:
    assert delivered_structure([submitted], PAGES) is None


def test_attributes_of_other_namespaces_are_kept_and_pointers_to_files_are_not() -> None:
    submitted = a_mets('<div ID="L" xlink:label="x" LABEL="A &gt; B"><fptr FILEID="F"/></div>')

    found = delivered_structure([submitted], PAGES)

    assert found is not None
    assert dict(found.top.attrib) == {
        "ID": "LOG_0000",
        "{http://www.w3.org/1999/xlink}label": "x",
        "LABEL": "A > B",
    }
    assert len(found.top) == 0
    assert found.pages_of == {"LOG_0000": ("0001",)}


def test_the_item_refers_to_the_section_whose_parts_the_delivered_division_names() -> None:
    sections = '<amdSec><rightsMD ID="r"/><digiprovMD ID="d"/></amdSec>'

    found = delivered_structure([a_mets('<div ID="L" ADMID="r d"/>', sections)], PAGES)

    assert found is not None
    (section,) = found.administrative
    assert found.described.get("ADMID") == section.get("ID") == "SUB_AMD"
    assert [part.get("ID") for part in section] == ["SUB_r", "SUB_d"]


def test_a_reference_to_a_section_that_is_not_there_is_left_out() -> None:
    found = delivered_structure([a_mets('<div ID="L" ADMID="gone" DMDID="gone"/>')], PAGES)

    assert found is not None
    assert etree.tostring(found.top).count(b"gone") == 0


@pytest.mark.parametrize(
    ("division", "item"),
    [
        ('<div ID="L"><div TYPE="chapter"/></div>', "LOG_0000"),
        ('<div ID="L"><mptr LOCTYPE="URL" xlink:href="x"/><div TYPE="volume"/></div>', "LOG_0001"),
        ('<div ID="L" TYPE="year"><div TYPE="issue" DMDID="d"><div/></div></div>', "LOG_0001"),
    ],
    ids=["a chapter without record", "below another METS", "the one with a record"],
)
def test_the_item_is_the_division_with_a_record_or_the_top_one(division: str, item: str) -> None:
    found = delivered_structure([a_mets(division)], PAGES)

    assert found is not None
    assert found.described.get("ID") == item


def test_what_mets_does_not_allow_in_a_division_is_left_out() -> None:
    division = (
        '<div ID="L" COLOUR="red" ORDER="1a" TYPE="book"><note>n</note><!-- c -->'
        '<mptr ID="m" xlink:href="https://l.example/"/></div>'
    )

    found = delivered_structure([a_mets(division)], PAGES)

    assert found is not None
    assert dict(found.top.attrib) == {"ID": "LOG_0000", "TYPE": "book"}
    (pointer,) = found.top
    assert pointer.get("LOCTYPE") == "URL"
    assert pointer.get("ID") is None


def test_a_section_that_does_not_state_the_type_of_its_record_gets_one() -> None:
    sections = '<dmdSec ID="d"><mdWrap><xmlData><x xmlns="urn:x"/></xmlData></mdWrap></dmdSec>'

    found = delivered_structure([a_mets('<div ID="L" DMDID="d"/>', sections)], PAGES)

    assert found is not None
    (section,) = found.sections
    assert section[0].get("MDTYPE") == "OTHER"
