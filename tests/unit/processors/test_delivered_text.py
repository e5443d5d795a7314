"""ALTO delivered with a page is stored unchanged, or refused."""

from pathlib import Path

import pytest

from infra.standards import present, standards_folder
from processors import recognize_page as recognize_module
from processors.acquire_page import acquire_page
from processors.ocr.delivered_alto import NotReadable, read_delivered
from processors.outcome import Done, Rejected
from processors.recognize_page import recognize_page
from processors.tools import Area, Tools
from schemas.models import PageAcquired, PageRecognized
from tests.support import metrics
from tests.support.corpora import corpus
from tests.support.imaging_builders import an_admitted_page, as_next_input, memory_tools

PRINTED = Path(__file__).parents[3] / "tests" / "data" / "images" / "printed_lines.png"
V4 = "http://www.loc.gov/standards/alto/ns-v4#"


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    return memory_tools(tmp_path)


def block(lines: str, more: str = "") -> str:
    return f'<TextBlock HPOS="0" VPOS="0" WIDTH="9" HEIGHT="9" {more}>{lines}</TextBlock>'


def line(*words: str, more: str = "") -> str:
    strings = "<SP/>".join(f'<String CONTENT="{word}"/>' for word in words)
    return f"<TextLine>{strings}{more}</TextLine>"


def alto(
    blocks: str, namespace: str = V4, size=None, unit: str = "pixel", before: str = ""
) -> bytes:
    width, height = size or (400, 300)
    return (
        f'<alto xmlns="{namespace}"><Description><MeasurementUnit>{unit}</MeasurementUnit>'
        f'</Description>{before}<Layout><Page ID="p1" PHYSICAL_IMG_NR="1" WIDTH="{width}" '
        f'HEIGHT="{height}"><PrintSpace>{blocks}</PrintSpace></Page></Layout></alto>'
    ).encode()


def text_in(content: bytes) -> str:
    return read_delivered(content, None).text


def with_text(tools: Tools, content: bytes, image: bytes | None = None, **changes) -> PageAcquired:
    page = an_admitted_page(tools, image or PRINTED.read_bytes(), name="f1.png", **changes)
    text = tools.storage.keep(
        content, area=Area.STAGING, use="provided-text", media_type="application/xml"
    )
    page = page.model_copy(update={"files": (*page.files, text)})
    outcome = acquire_page(page, tools)
    assert isinstance(outcome, Done), outcome
    return as_next_input(outcome.facts[0])


def taken_over(tools: Tools, page: PageAcquired) -> PageRecognized:
    outcome = recognize_page(page, tools)
    assert isinstance(outcome, Done), outcome
    return outcome.facts[0]


def codes(fact: PageRecognized) -> list[str]:
    return [act.code for act in fact.acts if act.code]


def test_stores_the_delivered_alto_of_a_real_page_unchanged(tools: Tools, monkeypatch):
    folder = corpus("gallicorpora-18e", "bpt6k1281160s")
    content = (folder / "bpt6k1281160s_f12.xml").read_bytes()
    image = (folder / "bpt6k1281160s_f12.tif.jpeg").read_bytes()
    monkeypatch.setattr(recognize_module, "Recognizer", None)
    if present():
        tools = Tools(tools.storage, tools.scratch, standards=standards_folder())

    fact = taken_over(tools, with_text(tools, content, image, languages=("fra",)))

    files = {file.use: tools.storage.read(file) for file in fact.files}
    assert files["alto"] == content
    assert metrics.folded(files["text"].decode()) == metrics.folded(metrics.text_of(content))
    assert (fact.provided, fact.read, fact.models) == (True, True, ())
    assert fact.words == len(files["text"].split()) > 100
    assert codes(fact) == []


def test_the_acts_name_the_delivered_alto_and_the_text_made_from_it(tools: Tools):
    page = with_text(tools, alto(block(line("two", "words"))))

    fact = taken_over(tools, page)

    delivered = f"sha256:{page.files[-1].sha256}"
    assert [(act.type, act.outcome) for act in fact.acts[:2]] == [
        ("validation", "suc"),
        ("creation", "suc"),
    ]
    assert all(act.sources == (delivered,) for act in fact.acts)
    assert fact.acts[1].results == (f"sha256:{fact.files[1].sha256}",)
    assert (fact.words, fact.characters) == (2, 8)


@pytest.mark.parametrize("kind", ["target", "blank"])
def test_delivered_text_is_stored_even_for_pages_that_are_not_read(tools: Tools, kind: str):
    page = with_text(tools, alto(block(line("Farbkarte"))), kind=kind)

    assert taken_over(tools, page).provided


def test_warns_if_the_alto_states_another_page_size(tools: Tools):
    page = with_text(tools, alto(block(line("word")), size=(300, 700)))

    fact = taken_over(tools, page)

    assert codes(fact) == ["page.text-size-differs"]
    assert f"{page.width_px} x {page.height_px}" in fact.acts[-1].detail


def test_sizes_are_compared_as_displayed_and_in_their_unit(tools: Tools):
    page = with_text(tools, alto(block(line("word")), size=(300, 400)))
    turned = page.model_copy(update={"width_px": 400, "height_px": 300, "orientation": 6})
    tenths = read_delivered(alto(block(line("word")), size=(2540, 1270), unit="mm10"), None)

    assert codes(taken_over(tools, turned)) == []
    assert tenths.size_px(300) == (3000, 1500)
    assert tenths.size_px(None) is None


def test_warns_if_the_delivered_text_is_empty(tools: Tools):
    page = with_text(tools, alto(""))
    same_size = page.model_copy(update={"width_px": 400, "height_px": 300})

    assert codes(taken_over(tools, same_size)) == ["page.no-text-found"]


@pytest.mark.parametrize(
    "content, found",
    [
        (b"", "not well-formed XML"),
        (b"<alto", "not well-formed XML"),
        (b"plain text", "not well-formed XML"),
        (b'<!DOCTYPE alto [<!ENTITY a "b">]><alto>&a;</alto>', "DOCTYPE"),
        (b"<html/>", "the root element is html"),
        (b'<alto xmlns="urn:other"/>', "the root element is {urn:other}alto"),
        (f'<alto xmlns="{V4}"><Layout/></alto>'.encode(), "0 pages, expected 1"),
        (f'<alto xmlns="{V4}"><Layout><Page/><Page/></Layout></alto>'.encode(), "2 pages"),
    ],
)
def test_rejects_bytes_that_are_not_alto_of_one_page(tools: Tools, content: bytes, found: str):
    outcome = recognize_page(with_text(tools, content or b" "), tools)

    assert isinstance(outcome, Rejected)
    assert outcome.code == "page.text-not-readable"
    assert found in outcome.found
    assert outcome.where == "the text delivered for f1.png"


def test_rejects_alto_that_is_invalid_against_its_schema():
    if not present():
        pytest.skip("the XSD files are not in the cache; run: make standards")
    wrong = alto(block(line("word"))).replace(b"<PrintSpace>", b"<PrintSpace><Made/>")

    with pytest.raises(NotReadable, match="not valid against its schema: line 1"):
        read_delivered(wrong, standards_folder())


def test_alto_newer_than_the_schema_is_not_validated_against_it():
    newer = alto(block(line("word"))).replace(b"<alto ", b'<alto SCHEMAVERSION="4.4" ')

    assert "schema not at hand" in read_delivered(newer, standards_folder()).validity


@pytest.mark.parametrize(
    "namespace",
    [
        "http://www.loc.gov/standards/alto/ns-v2#",
        "http://www.loc.gov/standards/alto/ns-v3#",
        "http://www.loc.gov/standards/alto/v3/alto.xsd",
        "http://www.loc.gov/standards/alto/alto-v2.0.xsd",
        "http://schema.ccs-gmbh.com/ALTO",
        "http://bibnum.bnf.fr/ns/alto_prod",
        "",
    ],
)
def test_accepts_every_namespace_in_use(namespace: str):
    assert read_delivered(alto(block(line("word")), namespace=namespace), None).text == "word\n"


@pytest.mark.parametrize("schema", ["", "4.3", "4.4"])
def test_newer_versions_of_alto_4_are_accepted_without_validation(schema: str):
    order = '<ReadingOrder><OrderedGroup ID="g"><ElementRef ID="r" REF="b"/></OrderedGroup></ReadingOrder>'
    newer = alto(block(line("word")), before=order)
    if schema:
        newer = newer.replace(b"<alto ", f'<alto SCHEMAVERSION="{schema}" '.encode())

    found = read_delivered(newer, standards_folder() if present() else None)

    assert (found.text, found.validity) == ("word\n", "well formed, its schema not at hand")


def test_text_has_lines_and_blocks_and_keeps_hyphens():
    hyphen = '<HYP CONTENT="-"/>'
    blocks = block(line("Die", "Biblio", more=hyphen) + line("thek")) + block(line("zwei"))

    assert text_in(alto(blocks)) == "Die Biblio-\nthek\n\nzwei\n"


def test_blocks_are_ordered_by_idnext():
    blocks = (
        block(line("second"), 'ID="b2" IDNEXT="b3"')
        + block(line("third"), 'ID="b3"')
        + block(line("first"), 'ID="b1" IDNEXT="b2"')
    )

    assert text_in(alto(blocks)).split() == ["first", "second", "third"]


def test_a_ring_of_blocks_is_read_once():
    blocks = block(line("a"), 'ID="b1" IDNEXT="b2"') + block(line("b"), 'ID="b2" IDNEXT="b1"')

    assert text_in(alto(blocks)).split() == ["a", "b"]


def test_blocks_are_ordered_by_the_reading_order():
    order = '<ReadingOrder><OrderedGroup><ElementRef REF="b2"/><ElementRef REF="b1"/></OrderedGroup></ReadingOrder>'
    blocks = block(line("second"), 'ID="b1"') + block(line("first"), 'ID="b2"')

    assert text_in(alto(blocks, before=order)).split() == ["first", "second"]


def test_the_confidence_is_the_mean_if_all_words_have_one():
    sure = alto(block(line("a", "b"))).replace(
        b'<String CONTENT="a"', b'<String WC="0.9" CONTENT="a"'
    )
    both = sure.replace(b'<String CONTENT="b"', b'<String WC="0.7" CONTENT="b"')

    assert read_delivered(sure, None).mean_confidence is None
    assert read_delivered(both, None).mean_confidence == 80.0
