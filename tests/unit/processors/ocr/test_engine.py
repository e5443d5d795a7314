"""Both engines keep the same promises."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import pyvips

from processors.ocr import installation, library_engine
from processors.ocr.engine import MODULES, Engine, Reading, engine_named
from processors.ocr.words import words_of
from processors.outcome import ToolCrashed, ToolHung, ToolMissing
from tests.support.corpora import corpus

PRINTED = Path(__file__).parents[3] / "data" / "images" / "printed_lines.png"
WORDS = ["The", "quick", "brown", "fox", "jumps", "over", "the", "lazy", "dog."]
HOW = {"dpi": 300, "timeout_seconds": 100}


@pytest.fixture(params=list(MODULES))
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Engine:
    monkeypatch.setenv("OMP_THREAD_LIMIT", "1")
    return engine_named(request.param)


@pytest.fixture
def printed(tmp_path: Path) -> Path:
    return grey(PRINTED, tmp_path / "reading.tif")


def grey(source: Path, target: Path) -> Path:
    pyvips.Image.new_from_file(str(source)).colourspace("b-w")[0].tiffsave(str(target))
    return target


def without_date(reading: Reading) -> tuple[bytes, ...]:
    pdf = re.sub(rb"/CreationDate \(D:[^)]*\)", b"", reading.pdf)
    return reading.alto, reading.hocr, reading.text, reading.tsv, pdf


def test_a_reading_has_the_same_words_in_all_outputs(engine: Engine, printed: Path):
    reading = engine.read_image(printed, ("eng",), **HOW)

    assert reading.text.decode().split() == WORDS
    assert [word.text for word in words_of(reading.tsv).all] == WORDS
    assert re.findall(r' CONTENT="([^"]*)"', reading.alto.decode()) == WORDS
    assert re.findall(r"'ocrx_word'[^>]*>([^<]*)<", reading.hocr.decode()) == WORDS
    assert reading.tsv.startswith(b"level\tpage_num\tblock_num\t")
    assert reading.pdf.rstrip().endswith(b"%%EOF")


def test_a_page_gives_the_same_bytes_whatever_was_read_before(engine: Engine, printed: Path):
    other = grey(corpus("tesseract", "phototest.tif"), printed.with_name("other.tif"))
    first = without_date(engine.read_image(printed, ("eng",), **HOW))

    engine.read_image(other, ("eng",), dpi=200, timeout_seconds=100)
    engine.read_words(other, ("eng",), **HOW)
    engine.read_lines(a_line(printed), "eng", scratch=printed.parent, **HOW)

    assert without_date(engine.read_image(printed, ("eng",), **HOW)) == first


def test_the_words_alone_are_those_of_the_reading(engine: Engine, printed: Path):
    tsv = engine.read_words(printed, ("eng",), **HOW)

    assert tsv == engine.read_image(printed, ("eng",), **HOW).tsv


def a_line(image: Path) -> pyvips.Image:
    return pyvips.Image.new_from_file(str(image))


def test_lines_are_read_with_a_confidence(engine: Engine, printed: Path):
    lines = engine.read_lines(a_line(printed), "eng", scratch=printed.parent, **HOW)

    assert lines.text.split() == WORDS
    assert lines.confidence > 80


def test_a_page_of_print_is_in_latin_script_and_an_empty_one_in_none(engine: Engine, printed: Path):
    page = grey(corpus("tesseract", "8071_093.3B.tif"), printed.with_name("page.tif"))
    empty = printed.with_name("empty.tif")
    (pyvips.Image.black(600, 800) + 230).cast("uchar").tiffsave(str(empty))

    seen = engine.detect_script(page, **HOW)

    assert (seen and seen.name) == "Latin"
    assert engine.detect_script(empty, **HOW) is None


def test_a_model_that_is_not_there_is_a_crash(engine: Engine, printed: Path):
    with pytest.raises(ToolCrashed, match="xyz"):
        engine.read_image(printed, ("xyz",), **HOW)


def test_a_reading_that_takes_too_long_is_ended(engine: Engine, printed: Path):
    page = grey(corpus("tesseract", "8071_093.3B.tif"), printed.with_name("page.tif"))

    for read in (engine.read_image, engine.read_words):
        with pytest.raises(ToolHung, match=r"gave no answer in 0\.1 s"):
            read(page, ("eng",), dpi=300, timeout_seconds=0.1)

    assert engine.read_image(printed, ("eng",), **HOW).text.decode().split() == WORDS


def test_a_file_that_is_no_image_is_a_crash_and_the_next_page_is_read(
    engine: Engine, printed: Path
):
    damaged = printed.with_name("damaged.tif")
    damaged.write_bytes(printed.read_bytes()[:200])

    with pytest.raises(ToolCrashed):
        engine.read_image(damaged, ("eng",), **HOW)

    assert engine.read_image(printed, ("eng",), **HOW).text.decode().split() == WORDS


@pytest.mark.parametrize("turned", [0, 90])
def test_the_pdf_of_a_long_strip_shows_the_strip(engine: Engine, printed: Path, turned: int):
    image = pyvips.Image.new_from_file(str(printed)).resize(0.5)
    strip = image.embed(0, 0, 60 * image.height, image.height, extend="white").rot(f"d{turned}")
    strip.copy(xres=150 / 25.4, yres=150 / 25.4).tiffsave(str(printed.with_name("strip.tif")))

    reading = engine.read_image(printed.with_name("strip.tif"), ("eng",), **HOW)

    size = f'<Page WIDTH="{strip.width}" HEIGHT="{strip.height}"'
    assert size in reading.alto.decode()
    assert b"/Subtype /Image" in reading.pdf


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> library_engine.LibraryEngine:
    return library_engine.LibraryEngine()


def test_the_library_keeps_a_few_models_in_memory(
    library: library_engine.LibraryEngine, printed: Path, monkeypatch: pytest.MonkeyPatch
):
    loaded: list[tuple[str, ...]] = []
    load = library_engine._load
    monkeypatch.setattr(
        library_engine, "_load", lambda names: (loaded.append(names), load(names))[1]
    )
    monkeypatch.setattr(library_engine, "KEPT", 2)

    for model in ("eng", "eng", "fra", "eng", "lat", "eng", "fra"):
        library.read_words(printed, (model,), **HOW)

    assert loaded == [("eng",), ("fra",), ("lat",), ("fra",)]


def test_the_library_loads_a_model_again_when_its_file_was_replaced(
    library: library_engine.LibraryEngine,
    printed: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    folder = tmp_path / "models"
    folder.mkdir()
    copy: Callable[[str, str], object] = lambda name, target: shutil.copy(  # noqa: E731
        installation.models_folder() / f"{name}.traineddata", folder / f"{target}.traineddata"
    )
    copy("eng", "own")
    real, digests = installation.models_folder(), []
    for name in (library_engine, installation):
        monkeypatch.setattr(name, "models_folder", lambda: folder)

    for replaced in (None, "fra"):
        if replaced:
            shutil.copy(real / f"{replaced}.traineddata", folder / "own.traineddata")
        library.read_words(printed, ("own",), **HOW)
        digests.append(installation.model_digest("own"))

    assert len({*digests, None}) == 3
    assert [key[0][1] for key in library._kept] == digests


def test_a_machine_without_the_package_says_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(__import__("sys").modules, "tesserocr", None)
    monkeypatch.delitem(__import__("sys").modules, MODULES["tesserocr"])

    with pytest.raises(ToolMissing, match="the Python package tesserocr cannot be imported: "):
        engine_named("tesserocr")
