"""Order, labels, identifiers and logical structure are read from a submitted METS."""

import pytest
from lxml import etree

from processors.xml.parser import parse
from processors.xml.submitted_mets import (
    Division,
    Structure,
    SubmittedPage,
    base_name,
    local_files,
    read_structure,
    stated_digests,
)
from tests.support.corpora import corpus

HEAD = (
    '<mets xmlns="http://www.loc.gov/METS/" xmlns:xlink="http://www.w3.org/1999/xlink"'
    ' OBJID="ms-88">'
)
BOOK = f"""{HEAD}
<dmdSec ID="d1"><mdWrap MDTYPE="MODS"><xmlData>
  <mods xmlns="http://www.loc.gov/mods/v3"><identifier type="shelfmark"> Ms. fol. 88 </identifier>
  <relatedItem><identifier>of another</identifier></relatedItem></mods>
</xmlData></mdWrap></dmdSec>
<fileSec><fileGrp USE="MAX">
  <file ID="f2" CHECKSUMTYPE="MD5" CHECKSUM="AB"><FLocat LOCTYPE="URL" xlink:href="http://x.example/a%20b/2.tif?x=1"/></file>
  <file ID="f1"><FLocat LOCTYPE="URL" xlink:href="file:///data/1.tif"/></file>
</fileGrp><fileGrp USE="THUMBS">
  <file ID="t1"><FLocat LOCTYPE="URL" xlink:href="thumbs\\1.jpg"/></file>
</fileGrp></fileSec>
<structMap TYPE="LOGICAL"><div ID="l0" DMDID="d1" TYPE="monograph" LABEL="Psalter">
  <div ID="l1" TYPE="chapter" LABEL=" First "><fptr FILEID="f2"/></div></div></structMap>
<structMap TYPE="physical"><div ID="p0" TYPE="physSequence"><fptr FILEID="whole"/>
  <div ID="p2" TYPE="page" ORDER="12" ORDERLABEL="1v"><fptr FILEID="f2"/></div>
  <div ID="p1" TYPE="page" ORDER="11" ORDERLABEL=" - "><fptr FILEID="f1"/><fptr><area FILEID="t1"/></fptr></div>
</div></structMap>
<structLink><smLink xlink:from="l0" xlink:to="p0"/><smLink xlink:from="l1" xlink:to="#p1"/></structLink>
</mets>"""


def test_pages_have_the_order_of_the_physical_map_and_chapters_link_to_them() -> None:
    assert read_structure(etree.fromstring(BOOK)) == Structure(
        pages=(
            SubmittedPage(("1.tif", "1.jpg"), 11, None),
            SubmittedPage(("2.tif",), 12, "1v"),
        ),
        logical=Division(
            "monograph", "Psalter", (0, 1), (Division("chapter", "First", (0, 1), ()),)
        ),
        identifiers=("ms-88", "Ms. fol. 88"),
    )


def test_a_mets_without_maps_has_no_structure() -> None:
    assert read_structure(etree.fromstring(f"{HEAD}</mets>")) == Structure((), None, ("ms-88",))


def test_a_map_without_type_is_used_if_it_refers_to_files() -> None:
    text = f"""{HEAD}<fileSec><fileGrp><file ID="a"><FLocat xlink:href="a.tif"/></file></fileGrp>
    </fileSec><structMap><div><div><fptr FILEID="a"/></div></div></structMap></mets>"""

    assert read_structure(etree.fromstring(text)).pages == (SubmittedPage(("a.tif",), 1, None),)


def test_digests_are_found_by_base_name() -> None:
    [one] = stated_digests(etree.fromstring(BOOK))

    assert (one.name, one.algorithm, one.digest) == ("2.tif", "md5", "ab")


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("00000001.jpg", "00000001.jpg"),
        ("OCR-D-IMG/INPUT_0017.tif", "INPUT_0017.tif"),
        ("http://a.example/x//00000001.jpg", "00000001.jpg"),
        ("file:///goobi/tiff/1.tif", "1.tif"),
        ("C:\\scans\\1.tif", "1.tif"),
        ("http://[broken/1.tif", "1.tif"),
        ("", ""),
    ],
)
def test_addresses_are_reduced_to_their_base_name(address: str, name: str) -> None:
    assert base_name(address) == name


def test_the_kant_mets_has_two_pages() -> None:
    root = etree.parse(corpus("kant-1784", "data", "mets.xml")).getroot()

    made = read_structure(root)

    assert [page.names[0] for page in made.pages] == ["INPUT_0017.tif", "INPUT_0020.tif"]
    assert made.pages[0].names[2] == "PAGE_0017_ALTO.xml"
    assert made.logical is None
    assert made.identifiers == ("http://kant_aufklaerung_1784",)


REAL = {
    "12936472X_1880.xml": 0,
    "1877049026_Aa_mods38.xml": 153,
    "1981185920_44046.xml": 5,
    "SBB_PPN1000056597.xml": 5,
    "k2_mets_vd18_058141367.xml": 17,
    "k2_mets_vd18_147638674.xml": 17,
    "k2_mets_vd18_147638674_curated.xml": 17,
    "k2_mets_vd18_153142340.xml": 0,
    "k2_mets_vd18_153142537.xml": 303,
    "k3_300896638-18490701.xml": 5,
    "meta.xml": 27,
    "meta_79848.xml": 6,
}


@pytest.mark.parametrize(("name", "pages"), REAL.items())
def test_real_mets_have_the_expected_pages_and_structure(name: str, pages: int) -> None:
    root = etree.parse(corpus("mets-vd18", name)).getroot()

    made = read_structure(root)

    assert len(made.pages) == pages
    assert all(page.names for page in made.pages)
    assert [page.order for page in made.pages] == sorted(page.order for page in made.pages)
    assert made.logical is not None
    assert pages == 0 or _linked(made.logical) <= set(range(pages))
    assert pages == 0 or _linked(made.logical)


def _linked(division: Division) -> set[int]:
    return set(division.pages).union(*(_linked(inner) for inner in division.divisions))


def test_labels_are_those_of_the_book() -> None:
    root = etree.parse(corpus("mets-vd18", "k2_mets_vd18_147638674.xml")).getroot()

    made = read_structure(root)

    assert [page.label for page in made.pages[:4]] == [None, "[Leerseite]", None, "Seite 4"]


@pytest.mark.parametrize(
    ("attributes", "found"),
    [
        ('<F xlink:href="a/1.tif"/>', [("1.tif", True)]),
        ('<F xlink:href="file:///x/1.xml"/>', [("1.xml", False)]),
        ('<F xlink:href="1"/>', [("1", True)]),
        ('<F xlink:href="https://x.example/1.tif"/>', []),
        ('<F xlink:href="urn:nbn:x"/>', []),
        ('<F xlink:href="C%3A/1.tif"/>', [("1.tif", True)]),
        ('<F xlink:href=""/>', []),
        ("", []),
    ],
)
def test_files_without_a_web_address_are_looked_for(
    attributes: str, found: list[tuple[str, bool]]
) -> None:
    text = (
        '<mets xmlns="http://www.loc.gov/METS/" xmlns:xlink="http://www.w3.org/1999/xlink">'
        f"<fileSec><file>{attributes.replace('F ', 'FLocat ')}</file></fileSec></mets>"
    )

    assert list(local_files(parse(text.encode()))) == found
