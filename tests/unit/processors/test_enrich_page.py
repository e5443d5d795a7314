"""A model suggests the language of a text and warns if another one is stated."""

from pathlib import Path

import pytest

from processors.enrich import language_guess
from processors.enrich_page import enrich_page
from processors.ocr import languages
from processors.outcome import Done
from processors.tools import Area, Tools
from schemas.models import PageEnriched, PageRecognized
from tests.support import metrics
from tests.support.corpora import corpus
from tests.support.imaging_builders import HEAD, memory_tools

ENGLISH = (
    "The library holds several thousand volumes which were given to the town by its first "
    "librarian, and most of them have not been opened for a hundred years. They are kept in the "
    "upper rooms, where the windows look out over the harbour and the market behind it."
)
GERMAN = (
    "Die Bibliothek besitzt mehrere tausend Bände, die der Stadt von ihrem ersten Bibliothekar "
    "geschenkt wurden, und die meisten sind seit hundert Jahren nicht geöffnet worden. Sie stehen "
    "in den oberen Räumen, deren Fenster über den Hafen und den Markt dahinter blicken."
)
LATIN = (
    "Bibliotheca multa milia librorum habet, quae primus eius custos civitati donavit, et plerique "
    "eorum per centum annos non aperti sunt. In conclavibus superioribus servantur, unde fenestrae "
    "portum et forum quod post eum iacet prospiciunt, ut omnes qui veniunt videre possunt."
)


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    return memory_tools(tmp_path)


def a_recognized_page(tools: Tools, text: str | None, *stated: str, **changes) -> PageRecognized:
    files = ()
    if text is not None:
        kept = tools.storage.keep(
            text.encode(), area=Area.DERIVATIVES, use="text", media_type="text/plain"
        )
        files = (kept,)
    words = len((text or "").split())
    fields = {"mean_confidence": 90.0, "words": words, "characters": 1, "read": True}
    return PageRecognized(head=HEAD, languages=stated, files=files, **{**fields, **changes})


def enriched(tools: Tools, page: PageRecognized) -> PageEnriched:
    outcome = enrich_page(page, tools)
    assert isinstance(outcome, Done), outcome
    return outcome.facts[0]


def codes(fact: PageEnriched) -> list[str]:
    return [act.code for act in fact.acts if act.code]


@pytest.mark.parametrize("text, code", [(ENGLISH, "eng"), (GERMAN, "deu"), (LATIN, "lat")])
def test_suggests_the_language_and_does_not_warn_if_it_is_as_stated(tools, text, code):
    fact = enriched(tools, a_recognized_page(tools, text, code))

    assert fact.suggestions[0].startswith(f"language: {code} ")
    assert fact.suggestions[0].endswith(f"(stated: {code})")
    assert codes(fact) == []


def test_both_codes_of_a_language_are_the_same_language(tools: Tools):
    assert codes(enriched(tools, a_recognized_page(tools, GERMAN, "ger"))) == []


def test_warns_when_the_text_is_in_another_language_than_stated(tools: Tools):
    fact = enriched(tools, a_recognized_page(tools, GERMAN, "eng"))

    assert fact.suggestions == ("language: deu 1.00 (stated: eng)",)
    assert codes(fact) == ["page.language-differs"]
    assert [act.outcome for act in fact.acts] == ["suc", "war"]


def test_the_acts_name_program_model_and_text(tools: Tools):
    page = a_recognized_page(tools, ENGLISH, "eng")

    (act,) = enriched(tools, page).acts

    assert [agent.name for agent in act.agents] == ["py3langid", "py3langid model"]
    assert act.agents[1].version == f"sha256:{language_guess.model_digest()}"
    assert act.sources == (f"sha256:{page.files[0].sha256}",)


@pytest.mark.parametrize(
    "page",
    [
        {"text": GERMAN, "stated": ("lat", "deu")},
        {"text": GERMAN, "stated": ("frm",)},
        {"text": GERMAN, "stated": ("eng", "mul")},
        {"text": GERMAN, "stated": ()},
        {"text": GERMAN[:120], "stated": ("eng",)},
        {"text": GERMAN, "stated": ("eng",), "mean_confidence": 40.0},
    ],
    ids=["one of two", "unknown to the model", "many", "nothing stated", "short", "ill read"],
)
def test_does_not_warn_without_enough_evidence(tools: Tools, page: dict):
    stated, text = page.pop("stated"), page.pop("text")

    assert codes(enriched(tools, a_recognized_page(tools, text, *stated, **page))) == []


@pytest.mark.parametrize(
    "text",
    [None, "", "\n\n", "12 34 56 " * 40, "A few words", "\ufffd\x00" * 300, "xq" * 300],
)
def test_makes_no_suggestion_for_a_page_without_text(tools: Tools, text: str | None):
    fact = enriched(tools, a_recognized_page(tools, text, "eng"))

    assert codes(fact) == []
    assert text == "xq" * 300 or fact == PageEnriched()


def test_every_language_of_the_model_has_an_iso_639_2_code():
    known = set(language_guess.codes_by_label().values())

    assert {"eng", "deu", "fra", "lat", "zho", "heb", "grc"} <= known
    assert all(languages.known(code) for code in known)
    assert "zxx" not in known


def test_the_same_text_gives_the_same_suggestion(tools: Tools):
    page = a_recognized_page(tools, LATIN, "eng")

    assert enriched(tools, page) == enriched(tools, page)


def test_recognises_the_languages_of_real_prints(tools: Tools):
    french = sorted(corpus("gallicorpora-18e", "bpt6k1281160s").glob("*.xml"))
    german = sorted(corpus("kant-1784", "data", "OCR-D-GT-ALTO").glob("*.xml"))
    latin = [corpus("mets-vd18", "FULLTEXT_737438.xml")]
    texts = [
        *((metrics.text_of(path.read_bytes()), "fra") for path in french),
        *((metrics.text_of(path.read_bytes()), "deu") for path in german),
        *((metrics.text_of(path.read_bytes()), "lat") for path in latin),
        (corpus("tesseract", "8071_093.3B.txt").read_text("utf-8"), "eng"),
        (corpus("tesseract", "phototest.txt").read_text("utf-8"), "eng"),
    ]

    for text, code in texts:
        right = enriched(tools, a_recognized_page(tools, text, code))
        wrong = enriched(tools, a_recognized_page(tools, text, "fin"))

        assert right.suggestions[0].startswith(f"language: {code} ")
        assert codes(right) == []
        assert codes(wrong) == ["page.language-differs"]
