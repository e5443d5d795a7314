"""Real prints are read as well as their ground truth demands."""

import statistics
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from lxml import etree

from processors.acquire_page import acquire_page
from processors.ocr import engine as ocr
from processors.ocr import languages
from processors.outcome import Done
from processors.recognize_page import recognize_page
from tests.support import metrics
from tests.support.corpora import corpus
from tests.support.imaging_builders import an_admitted_page, as_next_input, memory_tools


@dataclass(frozen=True)
class Sample:
    image: Path
    truth: Path
    language: str
    script: str | None = None


@dataclass(frozen=True)
class Measured:
    error_rate: float
    overlap: float
    alto: bytes


def measured(sample: Sample) -> Measured:
    with TemporaryDirectory() as folder:
        tools = memory_tools(Path(folder))
        page = an_admitted_page(
            tools,
            sample.image.read_bytes(),
            name=sample.image.name,
            languages=(sample.language,),
            script=sample.script,
        )
        acquired = acquire_page(page, tools)
        assert isinstance(acquired, Done), acquired
        outcome = recognize_page(as_next_input(acquired.facts[0]), tools)
        assert isinstance(outcome, Done), outcome
        files = {file.use: tools.storage.read(file) for file in outcome.facts[0].files}
    truth = sample.truth.read_bytes()
    return Measured(
        metrics.character_error_rate(metrics.text_of(truth), files["text"].decode()),
        metrics.median_line_overlap(metrics.lines_of(truth), metrics.lines_of(files["alto"])),
        files["alto"],
    )


def all_measured(samples: list[Sample]) -> list[Measured]:
    for sample in samples[:1]:
        missing = languages.missing_models([sample.language], sample.script, ocr.installed_models())
        if missing:
            pytest.skip(f"Tesseract lacks {' or '.join(missing[0].candidates)} here")
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        return list(pool.map(measured, samples))


def assert_valid_alto(results: list[Measured]) -> None:
    schema = alto_schema(corpus("xsd"))
    for result in results:
        schema.assertValid(etree.fromstring(result.alto))


def alto_schema(folder: Path) -> etree.XMLSchema:
    class Local(etree.Resolver):
        def resolve(self, url, pubid, context):
            name = url.rsplit("/", 1)[-1]
            return self.resolve_filename(str(folder / name), context)

    parser = etree.XMLParser(no_network=True)
    parser.resolvers.add(Local())
    return etree.XMLSchema(etree.parse(str(folder / "alto-4-4.xsd"), parser))


def test_reads_twenty_pages_of_a_french_play():
    folder = corpus("gallicorpora-18e", "bpt6k1281160s")
    images = sorted(folder.glob("*.jpeg"))
    samples = [
        Sample(each, each.with_name(each.name.split(".")[0] + ".xml"), "fra") for each in images
    ]

    results = all_measured(samples)

    assert len(results) == 20
    assert statistics.mean(result.error_rate for result in results) <= 0.11
    assert statistics.median(result.overlap for result in results) >= 0.5
    assert_valid_alto(results)


def test_reads_fraktur_with_its_model():
    folder = corpus("kant-1784", "data")
    samples = [
        Sample(
            folder / "OCR-D-IMG" / f"INPUT_{page}.tif",
            folder / "OCR-D-GT-ALTO" / f"PAGE_{page}_ALTO.xml",
            "ger",
            "Latf",
        )
        for page in ("0017", "0020")
    ]

    results = all_measured(samples)

    assert statistics.mean(result.error_rate for result in results) <= 0.13
    assert_valid_alto(results)


def test_refuses_no_sound_tiff_file(tmp_path: Path):
    folder = corpus("checkit-tiff", "tiffs_should_pass")
    refused = []

    for path in sorted(folder.glob("*.tif*")):
        tools = memory_tools(tmp_path / path.name)
        outcome = acquire_page(an_admitted_page(tools, path.read_bytes(), name=path.name), tools)
        refused += [] if isinstance(outcome, Done) else [(path.name, outcome.code)]

    assert refused == []
