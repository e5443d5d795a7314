"""The PDF of an item, as other programs read it."""

import os
import re
import subprocess
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pikepdf
import pypdf
import pytest
import pyvips

from processors.ocr.page_text import page_text
from processors.pdf.item_pdf import Description, Page, write_pdf
from processors.pdf.outline import Bookmark
from processors.pdf.page_image import PageImage
from tests.support.alto_pages import alto_page, block, root_of
from tests.support.corpora import corpus

DESCRIPTION = Description("ms-1", "Träume", ("de",))
DIRECTION_MARKS = re.compile("[\u202a-\u202e]")


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> PageImage:
    path = tmp_path_factory.mktemp("image") / "page.jpg"
    colour = pyvips.Image.black(200, 280, bands=3).linear(1, [240, 220, 200]).cast("uchar")
    colour.copy(interpretation="srgb").jpegsave(str(path))
    return PageImage.of(path)


def a_page(image: PageImage, content: bytes, ref: str = "0001", label: str = "1") -> Page:
    text = page_text(root_of(content), (1000, 1400))
    size = (round(text.width or 1000), round(text.height or 1400))
    return Page(ref, label, image, size, 300.0, text)


def words_by_pypdf(path: Path) -> list[list[str]]:
    return [page.extract_text().split() for page in pypdf.PdfReader(path).pages]


def words_by_poppler(path: Path, *options: str) -> list[list[str]]:
    command = ["pdftotext", *options, str(path), "-"]
    text = subprocess.run(command, check=True, capture_output=True, timeout=60).stdout.decode()
    return [DIRECTION_MARKS.sub("", page).split() for page in text.split("\f")[:-1]]


def test_two_columns_are_read_in_the_order_of_the_alto(image: PageImage, tmp_path: Path):
    left = block("l", ["Es war ein-", "mal eine", "alte Geiß"], 60, 100)
    right = block("r", ["die hatte", "sieben junge", "Geißlein"], 560, 100)
    target = tmp_path / "item.pdf"

    write_pdf(target, DESCRIPTION, [a_page(image, alto_page([left, right]))])

    expected = "Es war ein- mal eine alte Geiß die hatte sieben junge Geißlein"
    assert words_by_poppler(target, "-raw") == words_by_pypdf(target) == [expected.split(" ")]
    # In the order that it finds by itself, poppler joins the parts of a word.
    assert words_by_poppler(target) == [expected.replace("ein- mal", "einmal").split(" ")]


def test_the_order_is_that_of_the_alto_also_if_the_print_differs(image: PageImage, tmp_path: Path):
    blocks = [block("late", ["zuerst"], 60, 900), block("early", ["danach"], 60, 100)]
    target = tmp_path / "item.pdf"

    write_pdf(target, DESCRIPTION, [a_page(image, alto_page(blocks))])

    assert words_by_poppler(target, "-raw") == words_by_pypdf(target) == [["zuerst", "danach"]]


@pytest.mark.parametrize(
    "line",
    [
        "dieſe Weiſe ſchlecht",
        "Ἐν ἀρχῇ ἦν ὁ λόγος",
        "vn\u0303 q\u0303 a\u0364lter o\u0308",
        "𝔄𝔟𝔠 ꝑ ꝙ ﬁ ﬅ ½",
        "漢字 かな",
        "\ue5dc PUA",
    ],
)
def test_every_letter_is_extracted_as_it_is_in_the_alto(image, tmp_path, line: str):
    target = tmp_path / "item.pdf"

    write_pdf(target, DESCRIPTION, [a_page(image, alto_page([block("a", [line], 60, 100)]))])

    assert words_by_poppler(target, "-raw") == words_by_pypdf(target) == [line.split()]


@pytest.mark.parametrize("line", ["בְּרֵאשִׁית בָּרָא אֱלֹהִים", "שלום עולם", "كتاب عربي"])
def test_right_to_left_text_is_extracted_in_reading_order(image, tmp_path, line: str):
    content = alto_page([block("a", [line, line], 900, 100, right_to_left=True)])
    target = tmp_path / "item.pdf"

    write_pdf(target, DESCRIPTION, [a_page(image, content)])

    expected = [line.split() * 2]
    assert words_by_poppler(target, "-raw") == words_by_poppler(target) == expected
    assert words_by_pypdf(target) == expected


def test_words_are_at_their_boxes(image: PageImage, tmp_path: Path):
    content = alto_page([block("a", ["Fuchs"], 250, 700)])
    target = tmp_path / "item.pdf"

    write_pdf(target, DESCRIPTION, [a_page(image, content)])

    command = ["pdftotext", "-bbox", str(target), "-"]
    found = subprocess.run(command, check=True, capture_output=True, timeout=60).stdout.decode()
    box = re.search(r'xMin="([\d.]+)" yMin="([\d.]+)" xMax="([\d.]+)" yMax="([\d.]+)">Fuchs', found)
    assert box is not None
    # 300 pixels are 72 points.
    expected = [side * 0.24 for side in (250, 700, 350, 740)]
    assert [float(side) for side in box.groups()] == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize(
    ("rotation", "width", "height"), [(90, 20, 100), (180, 100, 20), (270, 20, 100)]
)
def test_rotated_text_is_at_its_box(image, tmp_path, rotation: int, width: int, height: int):
    rotated = (
        f'<TextBlock ID="a" ROTATION="{rotation}"><TextLine><String CONTENT="Fuchs" HPOS="300" '
        f'VPOS="500" WIDTH="{width}" HEIGHT="{height}"/></TextLine></TextBlock>'
    )
    target = tmp_path / "item.pdf"

    write_pdf(target, DESCRIPTION, [a_page(image, alto_page([rotated]))])

    command = ["pdftotext", "-bbox", str(target), "-"]
    found = subprocess.run(command, check=True, capture_output=True, timeout=60).stdout.decode()
    box = re.search(r'xMin="([\d.]+)" yMin="([\d.]+)" xMax="([\d.]+)" yMax="([\d.]+)">Fuchs', found)
    assert box is not None
    expected = [side * 0.24 for side in (300, 500, 300 + width, 500 + height)]
    assert [float(side) for side in box.groups()] == pytest.approx(expected, abs=0.05)


def test_the_image_is_the_reading_image_unchanged(image: PageImage, tmp_path: Path):
    target = tmp_path / "item.pdf"

    write_pdf(target, DESCRIPTION, [a_page(image, alto_page([]))])

    with pikepdf.open(target) as pdf:
        found = pdf.pages[0].get_images()["/Im1"]
        assert found.read_raw_bytes() == image.path.read_bytes()
        assert found.ColorSpace == "/DeviceRGB"


def test_labels_bookmarks_title_and_language_are_those_of_the_item(image, tmp_path: Path):
    chapters = (Bookmark("Vorrede", "a"), Bookmark("Teil ſ", None, (Bookmark("1. Kapitel", "b"),)))
    pages = [
        a_page(image, alto_page([]), "a", "IV"),
        a_page(image, alto_page([]), "b", "[2]"),
    ]
    target = tmp_path / "item.pdf"

    write_pdf(target, Description("ms-1", "Träume", ("de", "la"), chapters), pages)

    reader = pypdf.PdfReader(target)
    assert reader.page_labels == ["IV", "[2]"]
    outline = reader.outline
    assert [outline[0].title, outline[1].title, outline[2][0].title] == [
        "Vorrede",
        "Teil ſ",
        "1. Kapitel",
    ]
    assert [reader.get_destination_page_number(one) for one in (*outline[:2], outline[2][0])] == [
        0,
        1,
        1,
    ]
    assert reader.metadata.title == "Träume"
    assert reader.root_object["/Lang"] == "de"
    assert reader.xmp_metadata.dc_title == {"x-default": "Träume"}


def test_paragraphs_are_tagged_in_reading_order(image: PageImage, tmp_path: Path):
    heading = block("h", ["Erstes Buch"], 60, 50).replace('ID="h"', 'ID="h" TAGREFS="t"')
    content = alto_page([heading, block("a", ["Ein Satz."], 60, 200)]).replace(
        b"<Layout>", b'<Tags><StructureTag ID="t" LABEL="heading"/></Tags><Layout>'
    )
    target = tmp_path / "item.pdf"

    write_pdf(target, DESCRIPTION, [a_page(image, content), a_page(image, alto_page([]), "b")])

    command = ["pdfinfo", "-struct-text", str(target)]
    found = subprocess.run(command, check=True, capture_output=True, timeout=60).stdout.decode()
    shown = 'Document Div H (block) "Erstes Buch " P (block) "Ein Satz. "'
    assert found.split() == shown.split(" ")


def test_equal_pages_give_equal_bytes(image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    pages = [a_page(image, alto_page([block("a", ["Ein Satz."], 60, 200)]))]
    write_pdf(tmp_path / "first.pdf", DESCRIPTION, pages)
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    monkeypatch.setenv("LC_ALL", "tr_TR.UTF-8")

    write_pdf(tmp_path / "second.pdf", DESCRIPTION, pages)

    first = (tmp_path / "first.pdf").read_bytes()
    assert first == (tmp_path / "second.pdf").read_bytes()
    assert b"Date" not in first and os.fsencode(tmp_path) not in first


def test_sides_are_within_the_limits_of_the_format(image: PageImage, tmp_path: Path):
    huge = Page("a", "1", image, (90_000, 300), 72.0, None)
    target = tmp_path / "item.pdf"

    write_pdf(target, DESCRIPTION, [huge])

    with pikepdf.open(target) as pdf:
        assert [float(side) for side in pdf.pages[0].MediaBox] == [0, 0, 14400, 48]


def test_memory_does_not_grow_with_the_images(image: PageImage, tmp_path: Path):
    content = alto_page([block("a", ["Ein Satz von fünf Wörtern."] * 10, 60, 100)])

    def pages(count: int) -> Iterator[Page]:
        for number in range(count):
            yield a_page(image, content, str(number), str(number))

    def peak(count: int) -> int:
        tracemalloc.start()
        assert write_pdf(tmp_path / "item.pdf", DESCRIPTION, pages(count)) == count
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    peak(5)
    assert peak(60) - peak(10) < 50 * 2000


def test_the_text_of_all_ground_truth_is_extracted_as_it_is(image: PageImage, tmp_path: Path):
    documents = [
        *sorted(corpus("gallicorpora-18e").glob("*/*.xml")),
        *sorted(corpus("kant-1784", "data", "OCR-D-GT-ALTO").glob("*.xml")),
        *sorted(corpus("reported").glob("*/0*.xml")),
        corpus("mets-vd18", "FULLTEXT_737438.xml"),
    ]
    pages = [a_page(image, path.read_bytes(), path.name) for path in documents]
    target = tmp_path / "item.pdf"

    write_pdf(target, DESCRIPTION, pages)

    expected = [list(page.text.words()) for page in pages if page.text]
    assert sum(map(len, expected)) > 2500
    assert words_by_poppler(target, "-raw") == expected
    assert words_by_pypdf(target) == expected
