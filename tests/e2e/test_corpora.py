"""Real prints through the whole line: valid packages, valid ALTO, text and places as good as owed."""

import json
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest
from lxml import etree

from infra.standards import fetch
from processors.ocr.engine import installed_models
from processors.ocr.languages import missing_models
from processors.xml.validate import validate
from tests.support import metrics
from tests.support.corpora import corpus
from tests.support.running_line import Line
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


@dataclass(frozen=True)
class Fetched:
    """A package of the line, and the bag that it was unpacked to."""

    bag: Path
    content_digest: str


def through_the_line(line: Line, folder: Path, batch_id: str, language: str, into: Path) -> Fetched:
    """Submit a folder of one item, and fetch the package that it must become."""
    told = line.ask(
        *("station", "submit", folder, "--batch-id", batch_id, "--language", language),
        *("--wait", "--timeout", "180"),
    )
    assert (told["state"], told["quarantined"]) == ("settled", [])
    (row,) = line.ask("packages", "list", "--batch", batch_id)
    bag = Path(line.ask("packages", "fetch", row["package_id"], into)["path"])
    checked = subprocess.run([sys.executable, "-m", "bagit", "--validate", "--quiet", str(bag)])
    assert checked.returncode == 0
    return Fetched(bag, row["content_digest"])


def a_french_play(line: Line, scratch: Path) -> Fetched:
    """The package of twenty pages of a French play."""
    folder = corpus("gallicorpora-18e", "bpt6k1281160s")
    return through_the_line(line, folder, "gallica-1", "fra", scratch)


def a_bag_of_fraktur(line: Line, scratch: Path) -> Fetched:
    """The package of two pages of Fraktur, which are delivered as a bag."""
    delivery = scratch / "kant-1784"
    shutil.copytree(corpus("kant-1784"), delivery)
    (delivery / "item.json").write_text(json.dumps({"languages": ["ger"], "script": "Latf"}))
    return through_the_line(line, delivery, "kant-1", "ger", scratch / "out")


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


def needs_models(language: str, script: str | None) -> None:
    missing = missing_models((language,), script, installed_models())
    if missing:
        pytest.skip(f"Tesseract lacks {' or '.join(missing[0].candidates)} here")


@pytest.fixture(scope="module")
def play(line: Line, tmp_path_factory: pytest.TempPathFactory) -> Fetched:
    needs_models("fra", None)
    return a_french_play(line, tmp_path_factory.mktemp("play"))


@pytest.fixture(scope="module")
def fraktur(line: Line, tmp_path_factory: pytest.TempPathFactory) -> Fetched:
    needs_models("ger", "Latf")
    return a_bag_of_fraktur(line, tmp_path_factory.mktemp("fraktur"))


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


def test_two_pages_of_fraktur_delivered_as_a_bag(fraktur: Fetched):
    truths = (corpus("kant-1784") / "data" / "OCR-D-GT-ALTO").glob("*.xml")

    pages = pages_of(truths, fraktur.bag)

    assert len(pages) == 2
    assert statistics.mean(page.error_rate for page in pages) <= 0.13
    assert_valid_documents(fraktur.bag)


def test_the_content_of_all_22_pages_is_what_version_0_1_made_of_them(
    play: Fetched, fraktur: Fetched
):
    kept = json.loads(CONTENT_DIGESTS.read_text())
    if kept["tools"] != asdict(the_tools()):
        pytest.skip(f"{CONTENT_DIGESTS.name} holds for other tools: {kept['tools']}")

    assert {"play": play.content_digest, "fraktur": fraktur.content_digest} == kept["digests"]
