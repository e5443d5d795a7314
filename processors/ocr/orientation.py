"""Detects rotated text on a page, and recognises it in a rotated copy.

Tesseract reads lines that run from top to bottom, but not lines that run upwards or upside down.
If the lines of the first reading run down, the page is tried rotated by 90 or 270 degrees; if its
confidence is low, by 180 degrees. Other pages are read once."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyvips

from processors.ocr.engine import Engine, Reading
from processors.ocr.words import Word, Words, words_of

READABLE = 55.0
"""Mean word confidence from which text counts as upright. In tests, upside-down text had 22 to 40,
upright print of three centuries 65 and more."""
LEGIBLE = 45.0
"""Minimum mean word confidence of rotated text."""
SAMPLE_WORDS = 40
"""Of a longer page, a sample of this many words is tried first."""
MARGIN_PX = 10
VERTICAL_SCRIPTS = ("chi", "Han", "jpn", "Japanese", "kor", "mon")
"""Prefixes of models for scripts whose lines may run down on an upright page."""


@dataclass(frozen=True)
class Image:
    """A grey image, and the settings of the recognition."""

    engine: Engine
    path: Path
    dpi: int
    models: tuple[str, ...]
    timeout_seconds: float
    """Time limit of one reading."""


@dataclass(frozen=True)
class _Rotation:
    """A rotation to try, and the conditions for keeping its result."""

    degrees: int
    gain: float
    """Minimum increase of the mean confidence."""
    factor: float
    """Minimum ratio of characters weighted by confidence."""


_ROTATE_270 = _Rotation(270, gain=-10.0, factor=0.9)
"""For lines that run down and were read well; the result need not be much better."""
_ROTATE_90 = _Rotation(90, gain=15.0, factor=1.25)
_ROTATE_180 = _Rotation(180, gain=15.0, factor=1.25)


@dataclass(frozen=True)
class BestReading:
    """The better of the readings."""

    reading: Reading
    words: Words
    rotated_degrees: int
    """Degrees clockwise by which the image was rotated."""


def read_in_best_orientation(
    image: Image, progress: Callable[[str], None], *, turn: bool
) -> BestReading:
    """Recognise an image, a second time rotated if that may be better; return the better reading.

    Raises ToolHung and ToolCrashed."""
    first = _read(image, image.path, 0)
    rotation = _rotation_to_try(first.words, image.models) if turn else None
    if rotation is None:
        return first
    progress("turning")
    if rotation is not _ROTATE_270 and not _sample_is_better(image, first.words, rotation):
        return first
    target = image.path.with_name("turned.tif")
    _write_rotated(image.path, target, rotation.degrees)
    progress("recognition, turned")
    second = _read(image, target, rotation.degrees)
    return second if _better(first.words, second.words, rotation) else first


def _read(image: Image, path: Path, degrees: int) -> BestReading:
    reading = image.engine.read_image(
        path, image.models, dpi=image.dpi, timeout_seconds=image.timeout_seconds
    )
    return BestReading(reading, words_of(reading.tsv), degrees)


def _rotation_to_try(words: Words, models: tuple[str, ...]) -> _Rotation | None:
    mean = words.mean_confidence
    if mean is None:
        # A picture or blank page: rotated text would have given wrong words.
        return None
    names = (model.rpartition("/")[2] for model in models)
    if not any(name.startswith(VERTICAL_SCRIPTS) for name in names) and words.run_down():
        return _ROTATE_270 if mean >= READABLE else _ROTATE_90
    return None if mean >= READABLE else _ROTATE_180


def _better(first: Words, second: Words, rotation: _Rotation) -> bool:
    before, after = first.mean_confidence or 0.0, second.mean_confidence or 0.0
    enough = after >= max(LEGIBLE, before + rotation.gain)
    return enough and second.weight >= first.weight * rotation.factor


def _sample_is_better(image: Image, words: Words, rotation: _Rotation) -> bool:
    """Whether a sample reads better rotated; always true for a short page."""
    if len(words.all) <= 2 * SAMPLE_WORDS:
        return True
    sample = _sample(words)
    target = image.path.with_name("sample.tif")
    _write_rotated(image.path, target, rotation.degrees, sample.all)
    tsv = image.engine.read_words(
        target, image.models, dpi=image.dpi, timeout_seconds=image.timeout_seconds
    )
    return _better(sample, words_of(tsv), rotation)


def _sample(words: Words) -> Words:
    """The first lines of the block with the most words."""
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


def _write_rotated(source: Path, target: Path, degrees: int, words: tuple[Word, ...] = ()) -> None:
    """Write the image rotated clockwise, or only the part with these words."""
    image = pyvips.Image.new_from_file(str(source))
    if words:
        left = max(0, min(word.left for word in words) - MARGIN_PX)
        top = max(0, min(word.top for word in words) - MARGIN_PX)
        right = min(image.width, max(word.right for word in words) + MARGIN_PX)
        bottom = min(image.height, max(word.bottom for word in words) + MARGIN_PX)
        image = image.crop(left, top, right - left, bottom - top)
    image.rot(f"d{degrees}").tiffsave(str(target), keep="none")
