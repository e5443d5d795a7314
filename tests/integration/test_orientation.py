"""Pages are read right however they lie, and places stay those of the master as displayed."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
import pyvips
from lxml import etree

from processors.acquire_page import acquire_page
from processors.ocr.library_engine import LibraryEngine
from processors.outcome import Done
from processors.recognize_page import recognize_page
from processors.tools import Tools
from schemas.models import PageRecognized
from tests.support import metrics
from tests.support.corpora import corpus
from tests.support.imaging_builders import an_admitted_page, as_next_input, memory_tools
from tests.support.real_prints import assert_valid_alto

Box = tuple[float, float, float, float]
TOO_MANY_WRONG = 0.02


@dataclass(frozen=True)
class Read:
    fact: PageRecognized
    files: dict[str, bytes]

    @property
    def error_rate(self) -> float:
        truth = corpus("tesseract", "phototest.txt").read_text("utf-8")
        return metrics.character_error_rate(truth, self.files["text"].decode())

    @property
    def boxes(self) -> list[Box]:
        """Left, top, right, bottom of the words in the ALTO."""
        return [_box(word) for word in etree.fromstring(self.files["alto"]).iter("{*}String")]

    @property
    def codes(self) -> list[str]:
        return [act.code for act in self.fact.acts if act.code]


def _box(element: etree._Element) -> Box:
    left, top, width, height = (
        float(element.get(name)) for name in ("HPOS", "VPOS", "WIDTH", "HEIGHT")
    )
    return left, top, left + width, top + height


def read(tools: Tools, content: bytes, *, rules=None, **changes) -> Read:
    page = an_admitted_page(tools, content, rules=rules, **changes)
    acquired = acquire_page(page, tools)
    assert isinstance(acquired, Done), acquired
    outcome = recognize_page(as_next_input(acquired.facts[0]), tools)
    assert isinstance(outcome, Done), outcome
    fact = outcome.facts[0]
    return Read(fact, {file.use: tools.storage.read(file) for file in fact.files})


def phototest(turned: int = 0, orientation: int | None = None) -> bytes:
    path = corpus("tesseract", "phototest.tif")
    image = pyvips.Image.new_from_file(str(path)).rot(f"d{turned}").copy()
    if orientation:
        image.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    return image.tiffsave_buffer(compression="lzw")


def turned_box(box: Box, degrees: int) -> Box:
    """Where a box of phototest lies when the image of 640 x 480 pixels is turned clockwise."""
    left, top, right, bottom = box
    if degrees == 90:
        return 480 - bottom, left, 480 - top, right
    if degrees == 180:
        return 640 - right, 480 - bottom, 640 - left, 480 - top
    return (top, 640 - right, bottom, 640 - left) if degrees == 270 else box


def overlap(one: Box, other: Box) -> float:
    first, second = metrics.Line("", *one), metrics.Line("", *other)
    return metrics.overlap(first, second)


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    return memory_tools(tmp_path)


@pytest.fixture(scope="module")
def read_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Read]:
    """Reads phototest as it lies; each way once for all tests."""
    tools = memory_tools(tmp_path_factory.mktemp("read-once"))

    @cache
    def reading(turned: int, orientation: int | None = None) -> Read:
        return read(tools, phototest(turned, orientation))

    return reading


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_reads_a_page_however_it_lies_and_says_where_its_words_are(
    read_once: Callable[..., Read], degrees: int
):
    upright = read_once(0)

    turned = read_once(degrees)

    assert turned.error_rate <= TOO_MANY_WRONG
    assert turned.fact.turned_degrees == (360 - degrees) % 360
    expected = [turned_box(box, degrees) for box in upright.boxes]
    overlaps = [overlap(*pair) for pair in zip(expected, turned.boxes, strict=True)]
    assert min(overlaps) >= 0.7
    assert sum(overlaps) / len(overlaps) >= 0.9
    assert turned.codes == (["page.turned"] if degrees else [])


@pytest.mark.parametrize("orientation, turned", [(1, 0), (3, 180), (6, 270), (8, 90)])
def test_a_tag_that_says_how_to_turn_is_enough(
    read_once: Callable[..., Read], orientation: int, turned: int
):
    upright = read_once(0)

    tagged = read_once(turned, orientation)

    assert tagged.error_rate <= TOO_MANY_WRONG
    assert (tagged.fact.turned_degrees, tagged.codes) == (0, [])
    # Places are those of the image as displayed: the same as of the page stored upright.
    assert tagged.boxes == upright.boxes


def test_reads_the_upside_down_page_of_the_corpus(tools: Tools):
    content = corpus("tesseract", "phototest-rotated-180.png").read_bytes()

    upside_down = read(tools, content, name="p.png")

    assert upside_down.error_rate <= TOO_MANY_WRONG
    assert upside_down.fact.turned_degrees == 180


def test_reads_right_what_its_tag_turns_wrongly(tools: Tools):
    wrong = read(tools, phototest(0, orientation=3))

    assert wrong.error_rate <= TOO_MANY_WRONG
    assert wrong.fact.turned_degrees == 180


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_all_formats_speak_of_the_same_places(read_once: Callable[..., Read], degrees: int):
    page = read_once(degrees)

    rows = (line.split("\t") for line in page.files["tsv"].decode().splitlines())
    words = [row for row in rows if row[0] == "5" and row[11].strip()]
    in_tsv = [
        (float(row[6]), float(row[7]), float(row[6]) + float(row[8]), float(row[7]) + float(row[9]))
        for row in words
    ]
    first = "bbox {:.0f} {:.0f} {:.0f} {:.0f}".format(*page.boxes[0])
    turned = page.fact.turned_degrees
    assert in_tsv == page.boxes
    assert first.encode() in page.files["hocr"]
    assert f"; textangle {turned}; x_size".encode() in page.files["hocr"]
    assert b"baseline" not in page.files["hocr"]
    assert f'ROTATION="{turned}"'.encode() in page.files["alto"]


def test_a_turned_page_gives_valid_alto(read_once: Callable[..., Read]):
    assert_valid_alto(read_once(degrees).files["alto"] for degrees in (90, 180))


def test_a_long_page_that_stands_on_its_head_is_read(tools: Tools):
    path = corpus("tesseract", "8071_093.3B.tif")
    image = pyvips.Image.new_from_file(str(path)).rot180()

    page = read(tools, image.tiffsave_buffer(compression="lzw"))

    assert page.fact.turned_degrees == 180
    assert page.fact.mean_confidence > 90


def counted(monkeypatch, name: str) -> list[str]:
    calls: list[str] = []
    original: Callable = getattr(LibraryEngine, name)

    def counting(*args, **kwargs):
        calls.append(name)
        return original(*args, **kwargs)

    monkeypatch.setattr(LibraryEngine, name, counting)
    return calls


def test_an_ordinary_page_is_read_once(tools: Tools, monkeypatch):
    whole, samples = counted(monkeypatch, "read_image"), counted(monkeypatch, "read_words")

    read(tools, phototest())

    assert (len(whole), len(samples)) == (1, 0)


def test_a_picture_without_words_is_read_once(tools: Tools, monkeypatch):
    whole, samples = counted(monkeypatch, "read_image"), counted(monkeypatch, "read_words")
    picture = pyvips.Image.sines(600, 400).linear(100, 120).cast("uchar")

    page = read(tools, picture.tiffsave_buffer())

    assert (page.fact.turned_degrees, len(whole), len(samples)) == (0, 1, 0)


def test_a_long_page_that_is_read_badly_costs_a_sample_and_stays_as_it_lies(
    tools: Tools, monkeypatch
):
    path = corpus("kant-1784", "data", "OCR-D-IMG", "INPUT_0020.tif")
    image = pyvips.Image.new_from_file(str(path)).gaussblur(3.2)
    whole, samples = counted(monkeypatch, "read_image"), counted(monkeypatch, "read_words")

    page = read(tools, image.tiffsave_buffer(compression="lzw"))

    assert page.fact.mean_confidence < 55
    assert page.fact.turned_degrees == 0
    assert (len(whole), len(samples)) == (1, 1)


def test_a_profile_may_forbid_turning(tools: Tools):
    page = read(tools, phototest(180), rules={"ocr": {"orientation": False}})

    assert page.fact.turned_degrees == 0
    assert page.codes == ["page.confidence-low"]
