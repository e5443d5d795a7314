"""What models suggest becomes a fact: with ids that follow from content, and an event for each model."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import pyvips

from processors.enrich.analyze_page import LONGEST_TEXT, MOST_EVIDENCE, MOST_SUGGESTIONS, analyzed
from processors.enrich.analyzer import PageView, Suggestion
from processors.enrich.page_task import PageTask
from processors.premis import events_of
from processors.tools import Area, Tools
from schemas.models import PageAnalyzed
from tests.support.imaging_builders import memory_tools
from tests.support.small_analyzers import Failing, Ink

ALTO = b"""<alto xmlns="http://www.loc.gov/standards/alto/ns-v4#"><Layout>
<Page WIDTH="%d" HEIGHT="400"><PrintSpace><TextBlock><TextLine>
<String CONTENT="Emblemata" HPOS="10" VPOS="20" WIDTH="30" HEIGHT="12" WC="0.91"/>
</TextLine></TextBlock></PrintSpace></Page></Layout></alto>"""
DC = b"""<dc xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:subject> Botany </dc:subject>
<dc:title>x</dc:title></dc>"""


class Recording:
    """Keeps the page that it saw."""

    id, version, weights_sha256, labels = "recording", "1", "", ()

    def __init__(self) -> None:
        self.seen: list[PageView] = []

    def analyze(self, page: PageView) -> list[Suggestion]:
        self.seen.append(page)
        return []


class Talking:
    """Suggests more than a fact may have."""

    id, version, weights_sha256, labels = "talking", "1", "", ()

    def analyze(self, page: PageView) -> list[Suggestion]:
        return [
            Suggestion("term", f"{n} " + "x " * 500, n / 1000, evidence=["y" * 900] * 50)
            for n in range(1000)
        ]


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    return memory_tools(tmp_path)


@pytest.fixture
def task(tools: Tools) -> PageTask:
    return a_task(tools)


def a_task(tools: Tools, alto: bytes = ALTO % 200) -> PageTask:
    page = pyvips.Image.black(100, 200) + 255
    page = page.draw_rect(0, 20, 30, 40, 5, fill=True).cast("uchar")

    def kept(content: bytes, use: str):
        return tools.storage.keep(content, area=Area.DERIVATIVES, use=use, media_type="x/y")

    return PageTask(
        page_id="i:0001",
        master_sha256="ab" * 32,
        master_width=200,
        master_height=400,
        master_dpi=300.0,
        access=kept(page.jpegsave_buffer(Q=95), "access"),
        texts=(kept(alto, "alto"), kept(b"Emblemata", "text"), kept(DC, "embedded-dc")),
        stated_languages=("lat",),
        titles=("Emblems",),
    )


def ids_of(fact: PageAnalyzed) -> list[str]:
    return [one.suggestion_id for run in fact.runs for one in run.suggestions]


def test_models_see_the_access_image_and_the_texts_in_pixels_of_the_master(tools, task):
    model = Recording()

    analyzed(task, tools, [model])

    (page,) = model.seen
    assert page.image.shape == (200, 100, 3)
    assert (page.scale, page.dpi, page.text) == (2.0, 150.0, "Emblemata")
    assert [(word.text, word.box, word.confidence) for word in page.words] == [
        ("Emblemata", (10, 20, 30, 12), 0.91)
    ]
    assert (page.keywords, page.titles, page.stated_languages) == (
        *(("Botany",), ("Emblems",)),
        ("lat",),
    )


def test_delivered_alto_in_another_unit_is_scaled_and_one_that_is_not_xml_gives_no_words(tools):
    model = Recording()

    for alto in (ALTO % 400, b"no xml"):
        analyzed(a_task(tools, alto), tools, [model])

    assert [[word.box for word in page.words] for page in model.seen] == [[(5, 10, 15, 6)], []]


def test_the_same_weights_give_the_same_ids_and_other_weights_or_masters_others(tools, task):
    first, again = (analyzed(task, tools, [Ink("1")]) for _ in range(2))
    later = analyzed(task, tools, [Ink("2.0")])
    other = analyzed(replace(task, master_sha256="cd" * 32), tools, [Ink("1")])

    assert first == again
    ids = [set(ids_of(fact)) for fact in (first, later, other)]
    assert len(set().union(*ids)) == sum(map(len, ids)) == 9


def test_the_box_of_a_figure_is_in_pixels_of_the_master(tools, task):
    (run,) = analyzed(task, tools, [Ink("1")]).runs

    (box,) = [one.box for one in run.suggestions if one.kind == "figure"]
    assert box[:2] == pytest.approx((40, 60), abs=8)


def test_each_run_is_an_event_with_the_model_its_weights_and_what_it_read(tools, task):
    fact = analyzed(task, tools, [Ink("1"), Failing()])

    transition, ink, failing = events_of(fact)
    assert transition.detail == "Models looked at the page. Suggestions: 3."
    assert (ink.outcome, failing.outcome, failing.code) == (
        *("suc", "fai"),
        "enrichment.model-failed",
    )
    weights = Ink("1").weights_sha256
    assert [(one.name, one.version) for one in ink.agents[1:]] == [
        ("test-ink", f"1 sha256:{weights}")
    ]
    assert ink.sources == tuple(f"sha256:{file.sha256}" for file in task.files)
    assert "ValueError: no model for i:0001" in failing.detail


class Saying:
    """Suggests what it was made with."""

    id, version, weights_sha256, labels = "saying", "1", "", ()

    def __init__(self, *said: Suggestion) -> None:
        self._said = list(said)

    def analyze(self, page: PageView) -> list[Suggestion]:
        return self._said


@pytest.mark.parametrize(
    "wrong",
    [
        Suggestion("mood", "gloomy", 0.5),
        Suggestion("term", " ", 0.5),
        Suggestion("term", "books", 1.5),
        Suggestion("term", "books", float("nan")),
        Suggestion("figure", "initial", 0.5, box=(1, 2, 3)),
        Suggestion("figure", "initial", 0.5, box=(-1, 2, 3, 4)),
    ],
)
def test_a_model_that_suggests_what_cannot_be_stored_has_a_failed_run(tools, task, wrong):
    right = Suggestion("term", "birds", 0.5)

    wrong_run, right_run = analyzed(task, tools, [Saying(right, wrong), Saying(right)]).runs

    assert wrong_run.failure and wrong_run.failure.startswith("ValueError: a suggestion has ")
    assert (wrong_run.suggestions, right_run.failure) == ((), None)


def test_texts_are_on_one_line_without_what_a_database_cannot_store(tools, task):
    odd = Suggestion("term", "bo\0oks \ud800\n x", np.float32(0.5), evidence=["a\0b"])

    (run,) = analyzed(task, tools, [Saying(odd)]).runs

    assert [(one.label, one.evidence) for one in run.suggestions] == [("bo oks ? x", ("a b",))]


def test_of_two_suggestions_that_say_the_same_the_better_one_counts(tools, task):
    twice = [Suggestion("term", "birds", score) for score in (0.4, 0.8)]

    (run,) = analyzed(task, tools, [Saying(*twice, Suggestion("term", "trees", 0.6))]).runs

    assert [(one.label, one.score) for one in run.suggestions] == [("birds", 0.8), ("trees", 0.6)]


def test_only_the_models_of_a_task_run(tools, task):
    fact = analyzed(replace(task, models=("test-ink",)), tools, [Ink("1"), Failing()])

    assert [run.model for run in fact.runs] == ["test-ink"]


def test_a_fact_has_the_best_suggestions_of_a_model_with_short_texts(tools, task):
    (run,) = analyzed(task, tools, [Talking()]).runs

    assert len(run.suggestions) == MOST_SUGGESTIONS
    assert min(one.score for one in run.suggestions) == 0.9
    (longest,) = {len(one.label) for one in run.suggestions}
    assert longest == LONGEST_TEXT
    assert {len(one.evidence) for one in run.suggestions} == {MOST_EVIDENCE}
