"""Real prints through the whole line: valid packages, valid ALTO, text and places as good as owed."""

import json
import shutil
import statistics
import subprocess
import sys
from dataclasses import dataclass
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


def through_the_line(line: Line, folder: Path, batch_id: str, language: str, into: Path) -> Path:
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
    return bag


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


def test_twenty_pages_of_a_french_play(line: Line, tmp_path: Path):
    folder = corpus("gallicorpora-18e", "bpt6k1281160s")
    needs_models("fra", None)
    truths = sorted(folder.glob("*.xml"))

    bag = through_the_line(line, folder, "gallica-1", "fra", tmp_path)

    texts = sorted((bag / "data" / "text").glob("*.txt"))
    pages = [
        Read(truth.read_bytes(), text.with_suffix(".xml").read_bytes(), text.read_text())
        for truth, text in zip(truths, texts, strict=True)
    ]
    assert len(pages) == 20
    assert statistics.mean(page.error_rate for page in pages) <= 0.11
    assert statistics.median(page.overlap for page in pages) >= 0.5
    assert_valid_documents(bag)


def test_two_pages_of_fraktur_delivered_as_a_bag(line: Line, tmp_path: Path):
    delivery = tmp_path / "kant-1784"
    shutil.copytree(corpus("kant-1784"), delivery)
    needs_models("ger", "Latf")
    (delivery / "item.json").write_text(json.dumps({"languages": ["ger"], "script": "Latf"}))
    truths = sorted((delivery / "data" / "OCR-D-GT-ALTO").glob("*.xml"))

    bag = through_the_line(line, delivery, "kant-1", "ger", tmp_path / "out")

    texts = sorted((bag / "data" / "text").glob("*.txt"))
    pages = [
        Read(truth.read_bytes(), text.with_suffix(".xml").read_bytes(), text.read_text())
        for truth, text in zip(truths, texts, strict=True)
    ]
    assert len(pages) == 2
    assert statistics.mean(page.error_rate for page in pages) <= 0.13
    assert_valid_documents(bag)
