"""Reads a few lines with the library of the installed program, which keeps the model in memory.

Starting Tesseract and loading a model takes twice as long as reading two lines."""

import atexit
import ctypes
from functools import cache
from typing import Any

import pyvips

from processors.ocr.engine import MIN_DPI, SINGLE_BLOCK
from processors.ocr.installation import program_version
from processors.ocr.words import ReadLines

LIBRARY = "libtesseract.so.5"
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


def read_lines(lines: pyvips.Image, model: str, *, dpi: int) -> ReadLines | None:
    """Read a grey image of a few lines; None without a library of the version of the program."""
    reader = _reader(model)
    return _read(reader, lines, dpi) if reader is not None else None


def _read(reader: int, lines: pyvips.Image, dpi: int) -> ReadLines:
    library, pixels = _library(), bytes(lines.write_to_memory())
    library.TessBaseAPISetImage(reader, pixels, lines.width, lines.height, 1, lines.width)
    library.TessBaseAPISetSourceResolution(reader, max(MIN_DPI, dpi))
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
    same = library.TessVersion().decode() == program_version()
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
