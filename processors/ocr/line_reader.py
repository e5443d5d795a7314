"""Reads a few lines with Tesseract in this process, which keeps the model for the next page.

Starting Tesseract and loading a model takes twice as long as reading two lines."""

import atexit
import ctypes
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pyvips

from processors.ocr import engine
from processors.ocr.words import words_of

LIBRARY = "libtesseract.so.5"
SINGLE_BLOCK = 6
"""Tesseract's page segmentation mode for lines without other parts of a page."""
HANDLE, TEXT, NUMBER = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "TessVersion": (TEXT, []),
    "TessBaseAPICreate": (HANDLE, []),
    "TessBaseAPIInit3": (NUMBER, [HANDLE, TEXT, TEXT]),
    "TessBaseAPISetPageSegMode": (None, [HANDLE, NUMBER]),
    "TessBaseAPISetImage": (None, [HANDLE, TEXT, NUMBER, NUMBER, NUMBER, NUMBER]),
    "TessBaseAPISetSourceResolution": (None, [HANDLE, NUMBER]),
    "TessBaseAPIGetUTF8Text": (HANDLE, [HANDLE]),
    "TessDeleteText": (None, [HANDLE]),
    "TessBaseAPIMeanTextConf": (NUMBER, [HANDLE]),
    "TessBaseAPIClear": (None, [HANDLE]),
    "TessBaseAPIDelete": (None, [HANDLE]),
}
"""Result and arguments of the functions that are used (tesseract/capi.h)."""


@dataclass(frozen=True)
class ReadLines:
    """The text of a few lines."""

    text: str
    confidence: float
    """0 to 100; 0 without words."""

    @property
    def letters(self) -> int:
        """Number of letters."""
        return sum(character.isalpha() for character in self.text)

    def __add__(self, other: "ReadLines") -> "ReadLines":
        parts = [one for one in (self, other) if one.letters]
        total = sum(one.letters for one in parts) or 1
        mean = sum(one.confidence * one.letters for one in parts) / total
        return ReadLines(f"{self.text}\n{other.text}".strip(), mean)


NOTHING = ReadLines("", 0.0)


def read_lines(
    lines: pyvips.Image, model: str, *, dpi: int, timeout_seconds: float, scratch: Path
) -> ReadLines:
    """Read an image of a few lines. Raises ToolHung and ToolCrashed.

    Without a library of the version of the program, the program is started."""
    reader = _reader(model)
    if reader is not None:
        return _read(reader, lines, dpi)
    path = scratch / "lines.tif"
    lines.tiffsave(str(path), keep="none")
    words = words_of(
        engine.read_words(
            path, (model,), dpi=dpi, timeout_seconds=timeout_seconds, segmentation=SINGLE_BLOCK
        )
    )
    return ReadLines(" ".join(word.text for word in words.all), words.mean_confidence or 0.0)


def _read(reader: int, lines: pyvips.Image, dpi: int) -> ReadLines:
    library, pixels = _library(), bytes(lines.write_to_memory())
    library.TessBaseAPISetImage(reader, pixels, lines.width, lines.height, 1, lines.width)
    library.TessBaseAPISetSourceResolution(reader, max(engine.MIN_DPI, dpi))
    text = library.TessBaseAPIGetUTF8Text(reader)
    found = ctypes.string_at(text).decode("utf-8", "replace") if text else ""
    library.TessDeleteText(text)
    confidence = max(0, library.TessBaseAPIMeanTextConf(reader))
    library.TessBaseAPIClear(reader)
    return ReadLines(found.strip(), float(confidence))


@cache
def _library() -> Any:
    """The library of the installed program; None without one of the same version."""
    try:
        library = ctypes.CDLL(LIBRARY)
        for name, (result, arguments) in SIGNATURES.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
    except (OSError, AttributeError):
        return None
    same = library.TessVersion().decode() == engine.tesseract_version()
    return library if same else None


@cache
def _reader(model: str) -> int | None:
    library = _library()
    if library is None:
        return None
    reader = library.TessBaseAPICreate()
    if library.TessBaseAPIInit3(reader, None, model.encode()) != 0:
        return None
    library.TessBaseAPISetPageSegMode(reader, SINGLE_BLOCK)
    # Tesseract reports a model that is still in memory at the end of the process.
    atexit.register(library.TessBaseAPIDelete, reader)
    return int(reader)
