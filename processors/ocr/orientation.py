"""Finds out whether the text of a page stands upright, and reads it turned when it does not.

Tesseract reads lines that run from top to bottom, but neither those that run upwards nor those that
stand on their heads. So the first reading tells: a page whose lines run down lies on its side; one
read with little confidence may stand on its head. Ordinary pages cost nothing more."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyvips

from processors.ocr import engine
from processors.ocr.words import Word, Words, words_of

READABLE = 55.0
"""Mean confidence of the words that tells text from upside-down text: the latter was read with 22
to 40 on all pages tried, upright print of three centuries with 65 and more."""
LEGIBLE = 45.0
"""Mean confidence that turned text must have at least."""
SAMPLE_WORDS = 40
"""Of a longer page only so many words are read turned, to see whether the whole should be."""
MARGIN_PX = 10
RUN_DOWN_BY_NATURE = ("chi", "Han", "jpn", "Japanese", "kor", "mon")
"""How models of scripts begin whose lines may run down on a page that stands upright."""


@dataclass(frozen=True)
class Image:
    """A grey image to be read, and how."""

    path: Path
    dpi: int
    models: tuple[str, ...]
    timeout_seconds: float
    """For each time that it is read."""


@dataclass(frozen=True)
class _Call:
    """A reason to read a page turned, and when the turned reading is kept."""

    degrees: int
    gain: float
    """By how much the mean confidence must rise."""
    factor: float
    """How many times the confident characters there must be."""


_LIES_ON_ITS_SIDE = _Call(270, gain=-10.0, factor=0.9)
"""Its lines say so, and were read well as they are."""
_LIES_ON_THE_OTHER = _Call(90, gain=15.0, factor=1.25)
_STANDS_ON_ITS_HEAD = _Call(180, gain=15.0, factor=1.25)


@dataclass(frozen=True)
class Upright:
    """The reading that was kept."""

    reading: engine.Reading
    words: Words
    turned: int
    """By how many degrees clockwise the image was turned before."""


def read_upright(image: Image, progress: Callable[[str], None], *, turn: bool) -> Upright:
    """Read an image, and once more turned where that is called for; the better reading is kept.

    Raises ToolHung and ToolCrashed."""
    first = _read(image, image.path, 0)
    call = _call_for(first.words, image.models) if turn else None
    if call is None:
        return first
    progress("turning")
    if call is not _LIES_ON_ITS_SIDE and not _sample_is_better(image, first.words, call):
        return first
    target = image.path.with_name("turned.tif")
    _write_turned(image.path, target, call.degrees)
    progress("recognition, turned")
    second = _read(image, target, call.degrees)
    return second if _better(first.words, second.words, call) else first


def _read(image: Image, path: Path, degrees: int) -> Upright:
    reading = engine.read_image(
        path, image.models, dpi=image.dpi, timeout_seconds=image.timeout_seconds
    )
    return Upright(reading, words_of(reading.tsv), degrees)


def _call_for(words: Words, models: tuple[str, ...]) -> _Call | None:
    mean = words.mean_confidence
    if mean is None:
        # Pictures and blanks: turned text would have given words, though wrong ones.
        return None
    names = (model.rpartition("/")[2] for model in models)
    if not any(name.startswith(RUN_DOWN_BY_NATURE) for name in names) and words.run_down():
        return _LIES_ON_ITS_SIDE if mean >= READABLE else _LIES_ON_THE_OTHER
    return None if mean >= READABLE else _STANDS_ON_ITS_HEAD


def _better(first: Words, second: Words, call: _Call) -> bool:
    before, after = first.mean_confidence or 0.0, second.mean_confidence or 0.0
    enough = after >= max(LEGIBLE, before + call.gain)
    return enough and second.weight >= first.weight * call.factor


def _sample_is_better(image: Image, words: Words, call: _Call) -> bool:
    """Whether some lines read better turned; a short page is not worth a sample of its own."""
    if len(words.all) <= 2 * SAMPLE_WORDS:
        return True
    sample = _sample(words)
    target = image.path.with_name("sample.tif")
    _write_turned(image.path, target, call.degrees, sample.all)
    tsv = engine.read_words(
        target, image.models, dpi=image.dpi, timeout_seconds=image.timeout_seconds
    )
    return _better(sample, words_of(tsv), call)


def _sample(words: Words) -> Words:
    """Whole lines from the beginning of the block with the most words."""
    blocks: dict[str, list[Word]] = {}
    for word in words.all:
        blocks.setdefault(word.line[0], []).append(word)
    longest = max(blocks.values(), key=len)
    sample: list[Word] = []
    for line in Words(tuple(longest)).lines():
        sample += line
        if len(sample) >= SAMPLE_WORDS:
            break
    return Words(tuple(sample))


def _write_turned(source: Path, target: Path, degrees: int, words: tuple[Word, ...] = ()) -> None:
    """Write the image turned clockwise, or only what surrounds the words."""
    image = pyvips.Image.new_from_file(str(source))
    if words:
        left = max(0, min(word.left for word in words) - MARGIN_PX)
        top = max(0, min(word.top for word in words) - MARGIN_PX)
        right = min(image.width, max(word.right for word in words) + MARGIN_PX)
        bottom = min(image.height, max(word.bottom for word in words) + MARGIN_PX)
        image = image.crop(left, top, right - left, bottom - top)
    image.rot(f"d{degrees}").tiffsave(str(target), keep="none")
