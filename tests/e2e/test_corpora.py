"""Real prints through the whole line: valid packages, valid ALTO, text and places as good as owed."""

import json
import os
import shutil
import statistics
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest
from lxml import etree

from infra.standards import fetch
from processors.assemble_package import assemble_package
from processors.outcome import Done
from processors.tools import Area, Tools
from processors.xml.validate import validate
from schemas.models import ItemCompleted
from streams.storage.local import LocalStorage
from tests.support import metrics
from tests.support.corpora import corpus
from tests.support.reader import facts_of
from tests.support.real_prints import FRAKTUR, PLAY, Fetched, assert_valid_alto
from tests.support.running_line import Line
from tests.support.tool_versions import the_tools
from tests.support.whole_log import read_when_quiet

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
    assert {"play": play.content_digest, "fraktur": fraktur.content_digest} == _kept("layout_2")


def test_the_same_items_as_layout_1_have_the_content_that_they_had_before_layout_2(
    line: Line, play: Fetched, fraktur: Fetched, tmp_path: Path
):
    kept = _kept("digests")
    # The step keeps what it makes in its store: links, so that the store of the line is unchanged.
    for area in ("masters", "derivatives", "staging", "receipts"):
        shutil.copytree(line.home / area, tmp_path / area, copy_function=os.link)

    for name, batch_id in (("play", PLAY), ("fraktur", FRAKTUR)):
        assert _as_layout_1(line, batch_id, tmp_path) == kept[name], name


def _kept(name: str) -> dict[str, str]:
    kept = json.loads(CONTENT_DIGESTS.read_text())
    if kept["tools"] != asdict(the_tools()):
        pytest.skip(f"{CONTENT_DIGESTS.name} holds for other tools: {kept['tools']}")
    return dict(kept[name])


def _as_layout_1(line: Line, batch_id: str, store: Path) -> str:
    """The content digest of an item whose record is from before there were layouts."""
    raws, _ = read_when_quiet(line)
    (body,) = [
        fact.body
        for fact in facts_of(raws).values()
        if fact.record == "ItemCompleted" and fact.body["head"]["batch_id"] == batch_id
    ]
    completed = ItemCompleted.model_validate(body)
    storage = LocalStorage(store)
    record = json.loads(storage.read(completed.files[0]))
    assert record.pop("bag_layout") == 2
    older = storage.keep(
        json.dumps(record, sort_keys=True).encode(),
        area=Area.RECORDS,
        use="item-record",
        media_type="application/json",
    )
    scratch = store / batch_id
    scratch.mkdir()
    outcome = assemble_package(
        completed.model_copy(update={"files": (older, *completed.files[1:])}),
        Tools(storage=storage, scratch=scratch),
    )
    assert isinstance(outcome, Done), outcome
    return str(outcome.facts[0].content_digest)  # type: ignore[attr-defined]
