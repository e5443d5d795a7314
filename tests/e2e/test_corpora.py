"""Real prints through the whole line: valid packages, valid ALTO, text and places as good as owed."""

import json
import statistics
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest
from lxml import etree

from infra.standards import fetch
from processors.xml.validate import validate
from tests.support import metrics
from tests.support.corpora import corpus
from tests.support.real_prints import Fetched, assert_valid_alto
from tests.support.tool_versions import the_tools

CONTENT_DIGESTS = Path(__file__).parents[1] / "data" / "content_digests.json"


@dataclass(frozen=True)
class Read:
    """One page as it lies in a package, and its truth."""

    truth: bytes
    alto: bytes
    text: str

    @property
    def error_rate(self) -> float:
        return metrics.character_error_rate(metrics.text_of(self.truth), self.text)

    @property
    def overlap(self) -> float:
        truth, found = metrics.lines_of(self.truth), metrics.lines_of(self.alto)
        return metrics.median_line_overlap(truth, found)


def assert_valid_documents(bag: Path) -> None:
    """ALTO of every page, METS, PREMIS, MODS and DC by their schemas."""
    documents = [*(bag / "data" / "text").glob("*.xml"), *(bag / "data" / "metadata").glob("*.xml")]
    faults = [
        (path.name, fault)
        for path in documents
        for fault in validate(etree.parse(str(path)).getroot(), fetch())
    ]
    assert faults == []
    assert len(documents) > 4


def pages_of(truths: Iterable[Path], bag: Path) -> list[Read]:
    """The pages of a bag with the truth of each."""
    texts = sorted((bag / "data" / "text").glob("*.txt"))
    return [
        Read(truth.read_bytes(), text.with_suffix(".xml").read_bytes(), text.read_text())
        for truth, text in zip(sorted(truths), texts, strict=True)
    ]


def test_twenty_pages_of_a_french_play(play: Fetched):
    pages = pages_of(corpus("gallicorpora-18e", "bpt6k1281160s").glob("*.xml"), play.bag)

    assert len(pages) == 20
    assert statistics.mean(page.error_rate for page in pages) <= 0.11
    assert statistics.median(page.overlap for page in pages) >= 0.5
    assert_valid_documents(play.bag)
    assert_valid_alto(page.alto for page in pages)


def test_two_pages_of_fraktur_delivered_as_a_bag(fraktur: Fetched):
    truths = (corpus("kant-1784") / "data" / "OCR-D-GT-ALTO").glob("*.xml")

    pages = pages_of(truths, fraktur.bag)

    assert len(pages) == 2
    assert statistics.mean(page.error_rate for page in pages) <= 0.13
    assert_valid_documents(fraktur.bag)
    assert_valid_alto(page.alto for page in pages)


def test_the_content_of_all_22_pages_is_what_is_kept_of_them(play: Fetched, fraktur: Fetched):
    kept = json.loads(CONTENT_DIGESTS.read_text())
    if kept["tools"] != asdict(the_tools()):
        pytest.skip(f"{CONTENT_DIGESTS.name} holds for other tools: {kept['tools']}")

    assert {"play": play.content_digest, "fraktur": fraktur.content_digest} == kept["digests"]
