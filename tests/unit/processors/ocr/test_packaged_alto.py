"""The ALTO of a package of layout 2."""

from pathlib import Path

import pytest

from processors.ocr.packaged_alto import (
    TextOrigin,
    delivered_alto,
    recognized_alto,
    serialised_alto,
)
from processors.ocr.page_text import page_text
from processors.xml.parser import parse
from processors.xml.validate import validate
from tests.support.alto_pages import alto_page, block, root_of
from tests.support.corpora import corpus

STANDARDS = Path(".cache/standards")
ORIGIN = TextOrigin("vol-1_0001.tif", "de")


def test_it_names_the_packaged_master_its_language_and_the_order_of_its_blocks():
    content = alto_page([block("a", ["Ver-"], 0, 0), block("b", ["faſſer"], 500, 0)])

    root = recognized_alto(content, ORIGIN)

    assert root.findtext(".//{*}fileName") == "vol-1_0001.tif"
    blocks = root.findall(".//{*}TextBlock")
    assert [(one.get("LANG"), one.get("IDNEXT")) for one in blocks] == [("de", "b"), ("de", None)]
    assert [one.get("SUBS_CONTENT") for one in root.iter("{*}String")] == ["Verfaſſer"] * 2
    (step,) = root.iterfind(".//{*}Processing")
    assert step.findtext(".//{*}softwareName") == "copystand"


def test_no_line_begins_with_a_blank():
    blank = '<TextLine><SP/><String CONTENT=" "/><SP/><String CONTENT=" Wort "/><SP/></TextLine>'
    content = alto_page(
        [
            f'<TextBlock ID="a">{blank}</TextBlock>',
            '<ComposedBlock ID="c"><TextBlock ID="b"><TextLine><String CONTENT=" "/></TextLine>'
            "</TextBlock></ComposedBlock>",
            '<ComposedBlock ID="d"><Illustration ID="i"/></ComposedBlock>',
        ]
    )

    root = recognized_alto(content, ORIGIN)

    (line,) = root.iter("{*}TextLine")
    assert [(one.tag.rpartition("}")[2], one.get("CONTENT")) for one in line] == [
        ("String", "Wort")
    ]
    assert [one.get("ID") for one in root.iter("{*}ComposedBlock")] == ["d"]


def test_it_is_valid_alto():
    content = alto_page([block("a", ["der Ver-", "faſſer"], 0, 0), block("b", ["ein"], 500, 0)])

    written = serialised_alto(recognized_alto(content, ORIGIN))

    assert validate(parse(written), STANDARDS) == []


def test_the_same_alto_gives_the_same_bytes_again():
    content = alto_page([block("a", ["der Ver-", "faſſer"], 0, 0)])

    once, twice = (serialised_alto(recognized_alto(content, ORIGIN)) for _ in range(2))

    assert once == twice


def test_a_delivered_alto_differs_only_in_the_name_of_its_master():
    content = alto_page([block("a", [" der Ver-", "faſſer"], 0, 0)])

    twin = serialised_alto(delivered_alto(content, ORIGIN))

    expected = content.replace(b"scan.tif", b"vol-1_0001.tif")
    assert twin.partition(b"?>")[2].strip() == expected


@pytest.mark.parametrize(
    "without",
    [
        b"<fileName>scan.tif</fileName>",
        b"<sourceImageInformation><fileName>scan.tif</fileName></sourceImageInformation>",
    ],
)
def test_a_delivered_alto_without_a_file_name_gets_one(without: bytes):
    content = alto_page([])
    assert without in content

    twin = delivered_alto(content.replace(without, b""), ORIGIN)

    assert twin.findtext(".//{*}fileName") == "vol-1_0001.tif"
    assert [one.tag for one in twin.iter()] == [one.tag for one in root_of(content).iter()]


@pytest.mark.parametrize("parts", [("gallicorpora-18e",), ("kant-1784",), ("reported",)])
def test_the_twin_of_every_ground_truth_has_its_words(parts: tuple[str, ...]):
    paths = [path for path in corpus(*parts).rglob("*.xml") if b"<alto" in path.read_bytes()[:2000]]

    assert paths
    for path in paths:
        content = path.read_bytes()
        words = list(page_text(root_of(content), (1, 1)).words())
        assert list(page_text(delivered_alto(content, ORIGIN), (1, 1)).words()) == words
