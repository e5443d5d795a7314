"""Finds the code of a separator sheet on a scanned page."""

from importlib import import_module
from pathlib import Path
from typing import Any

from PIL import Image, UnidentifiedImageError

from streams.clients.capture.separator_sheet import SeparatorSheet

LONG_SIDE_PX = 3600
"""A4 at 300 dpi is read as it is; a larger image is reduced, which also smooths it."""
SMALLER = (1, 2, 4)
"""Reductions that are tried: blur and noise vanish in a smaller image."""


class TwoSheets(ValueError):
    """A page has codes of two different sheets."""


def sheet_on(page: Path) -> SeparatorSheet | None:
    """The sheet that a page is, or None for every other page. Raises TwoSheets."""
    grey = _grey(page)
    if grey is None:
        return None
    for reduction in SMALLER:
        found = _codes(grey.reduce(reduction) if reduction > 1 else grey)
        if len(found) > 1:
            raise TwoSheets(", ".join(sorted(one.payload() for one in found)))
        if found:
            return found.pop()
    return None


def _codes(grey: Image.Image) -> set[SeparatorSheet]:
    # Loaded here: stations without separator sheets do not need it.
    zxing: Any = import_module("zxingcpp")
    formats = [zxing.BarcodeFormat.QRCode, zxing.BarcodeFormat.DataMatrix]
    codes = zxing.read_barcodes(grey, formats=formats, try_invert=False)
    sheets = (SeparatorSheet.read(one.text) for one in codes)
    return {one for one in sheets if one is not None}


def _grey(page: Path) -> Image.Image | None:
    """The page in 8 bits of grey, or None if it cannot be opened here: the line judges it."""
    try:
        with Image.open(page) as image:
            image.draft("L", (LONG_SIDE_PX, LONG_SIDE_PX))
            image.load()
            grey = _in_8_bits(image)
    except (OSError, ValueError, SyntaxError, UnidentifiedImageError, Image.DecompressionBombError):
        return None
    grey.thumbnail((LONG_SIDE_PX, LONG_SIDE_PX), Image.Resampling.BOX)
    return grey


def _in_8_bits(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        return image.convert("I").point(lambda value: value / 256).convert("L")
    return image.convert("L")
