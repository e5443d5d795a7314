"""A page whose language is not stated is read with the model of the language of its text."""

from dataclasses import replace
from pathlib import Path

import pytest
import pyvips

from processors import model_choice
from processors.imaging.decode import write_grey_copy
from processors.model_choice import ChosenReading, read_with_chosen_model
from processors.ocr import line_reader
from processors.ocr.engine import engine_named
from processors.ocr.orientation import Image
from processors.ocr.text_sample import samples_of
from processors.ocr.words import NOTHING, ReadLines
from processors.profile_ocr import EngineName
from tests.support.corpora import corpus

MODELS = ("eng", "fra", "deu", "lat", "Fraktur")
PRINTED = Path(__file__).parents[2] / "data" / "images" / "printed_lines.png"


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OMP_THREAD_LIMIT", "1")


def chosen(
    master: Path,
    scratch: Path,
    models: tuple[str, ...] = MODELS,
    engine: EngineName = "tesserocr",
) -> ChosenReading:
    path = scratch / "reading.tif"
    copy = write_grey_copy(master, path, resolution_dpi=600, dpi=300, max_long_side_px=2500)
    image = Image(engine_named(engine), path, copy.dpi, models, timeout_seconds=100)
    return read_with_chosen_model(image, lambda _: None, turn=True)


@pytest.mark.parametrize("engine", ["pytesseract", "tesserocr"])
def test_a_french_page_is_read_once_with_the_french_model(tmp_path: Path, engine: EngineName):
    page = corpus("gallicorpora-18e", "bpt6k1281160s") / "bpt6k1281160s_f15.tif.jpeg"

    reading = chosen(page, tmp_path, engine=engine)

    assert (reading.choice.model, reading.choice.language) == ("fra", "fra")
    assert "letters, read with eng, identified as fra 0." in reading.choice.reason
    assert (reading.best.words.mean_confidence or 0) > 75


def test_a_page_in_blackletter_is_read_with_its_model(tmp_path: Path):
    path = corpus("kant-1784", "data", "OCR-D-IMG") / "INPUT_0020.tif"
    page = tmp_path / "page.tif"
    pyvips.Image.new_from_file(str(path)).resize(2).tiffsave(str(page))

    assert chosen(page, tmp_path).choice.model == "Fraktur"


def test_an_english_page_is_read_with_the_first_candidate(tmp_path: Path):
    reading = chosen(corpus("tesseract") / "8071_093.3B.tif", tmp_path)

    assert (reading.choice.model, reading.choice.language) == ("eng", "eng")


def test_a_page_with_too_few_letters_is_read_with_the_first_candidate(tmp_path: Path):
    reading = chosen(PRINTED, tmp_path, ("fra", "eng"))

    assert (reading.choice.model, reading.choice.language) == ("fra", None)
    assert reading.choice.reason.endswith("cannot be identified")


def test_a_page_without_lines_is_read_with_the_first_candidate(tmp_path: Path):
    blank = tmp_path / "blank.png"
    pyvips.Image.black(400, 400).linear(1, 230).cast("uchar").write_to_file(str(blank))

    reading = chosen(blank, tmp_path)

    assert (reading.choice.model, reading.best.words.all) == ("eng", ())


def test_the_only_candidate_is_used_without_a_sample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(model_choice, "samples_of", None)

    assert chosen(PRINTED, tmp_path, ("lat",)).choice.reason == "the only candidate"


def test_a_page_whose_lines_show_nothing_is_read_again_if_its_text_shows_a_language(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(model_choice, "samples_of", lambda *_: [])
    page = corpus("gallicorpora-18e", "bpt6k1281160s") / "bpt6k1281160s_f15.tif.jpeg"

    reading = chosen(page, tmp_path)

    assert (reading.choice.model, reading.choice.language) == ("fra", "fra")
    assert reading.choice.reason.startswith("the page of ")


def test_the_program_reads_the_lines_where_its_library_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    page = pyvips.Image.new_from_file(str(PRINTED)).colourspace("b-w")
    [box, *_] = samples_of(page, 1)
    part = page.crop(box.left, box.top, box.width, box.height)

    def read() -> ReadLines:
        program = engine_named("pytesseract")
        return program.read_lines(part, "eng", dpi=300, timeout_seconds=60, scratch=tmp_path)

    by_library = read()
    monkeypatch.setattr(line_reader, "_reader", lambda _: None)

    assert by_library.text.split() == read().text.split() != []


def test_read_lines_add_up_by_their_letters():
    both = ReadLines("abc", 90.0) + ReadLines("d", 50.0)

    assert (both.text, both.letters, both.confidence) == ("abc\nd", 4, 80.0)
    assert NOTHING + both == both


SCRIPTS = {
    "Grek": "Το βιβλίο αυτό είναι η ιστορία μιας παλιάς βιβλιοθήκης που βρισκόταν κοντά στη θάλασσα. ",
    "Hebr": "הספר הזה מספר על תולדותיה של ספרייה ישנה שעמדה קרוב לים ואנשים באו ממרחקים לקרוא. ",
    "Arab": "يحكي هذا الكتاب تاريخ مكتبة قديمة كانت قريبة من البحر وكان الناس يأتون من بعيد. ",
    "Cyrl": "Эта книга рассказывает об истории старой библиотеки, которая находилась у моря. ",
    "Latn": "This book tells the history of an old library which stood close to the sea. ",
}


def a_page_in(script: str, folder: Path) -> Path:
    text = pyvips.Image.text(SCRIPTS[script] * 5, width=3000, dpi=600, font="DejaVu Serif 9")
    page = (255 - text).cast("uchar")
    page = page.embed(200, 200, 3400, text.height + 400, extend="background", background=255)
    page.tiffsave(str(folder / "page.tif"))
    return folder / "page.tif"


@pytest.mark.parametrize("script", ["Grek", "Hebr", "Arab", "Cyrl"])
def test_a_page_in_a_script_that_no_candidate_reads_is_in_doubt(tmp_path: Path, script: str):
    reading = chosen(a_page_in(script, tmp_path), tmp_path)

    assert reading.doubt is not None
    assert (reading.best.words.mean_confidence or 0) < model_choice.READ_WELL


def test_the_script_of_a_page_that_is_read_well_is_not_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(model_choice, "script_of", None)

    assert chosen(a_page_in("Latn", tmp_path), tmp_path).doubt is None


@pytest.mark.parametrize(("other", "model"), [("Latn", "Greek"), ("Hebr", "eng")])
def test_a_page_is_read_with_a_candidate_for_another_script_if_that_reads_it_better(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: str, model: str
):
    # No model of another script is installed: the English one reads another page in its place.
    read, lines = model_choice.read_in_best_orientation, model_choice._read
    (tmp_path / "other").mkdir()
    instead = a_page_in(other, tmp_path / "other")

    def reads(image: Image, progress: object, *, turn: bool) -> object:
        if image.models == ("Greek",):
            image = replace(image, path=instead, models=("eng",))
        return read(image, lambda _: None, turn=turn)

    def reads_lines(part: pyvips.Image, of: str, image: Image) -> ReadLines:
        if of != "Greek":
            return lines(part, of, image)
        return ReadLines("some text", 95.0 if other == "Latn" else 20.0)

    monkeypatch.setattr(model_choice, "read_in_best_orientation", reads)
    monkeypatch.setattr(model_choice, "_read", reads_lines)

    reading = chosen(a_page_in("Grek", tmp_path), tmp_path, ("eng", "Greek"))

    assert (reading.choice.model, reading.doubt is None) == (model, model == "Greek")
    assert ("Greek reads a few lines better" in reading.choice.reason) == (model == "Greek")
