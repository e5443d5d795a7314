"""Draws separator sheets as a PDF: both codes, and the same in words."""

from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from infra.files import write_atomic
from streams.clients.capture.separator_sheet import SeparatorSheet

DPI = 300
MM = DPI / 25.4
PAPERS = {"a4": (210.0, 297.0), "letter": (215.9, 279.4)}
"""Width and height in mm."""
MARGIN_MM, CODE_MM, TEXT_MM = 25, 75, 9
TITLE = "Separator sheet"
NOTE = "Not a page of the item. Feed it before the pages that it describes."
FONTS = ("DejaVuSans.ttf", "LiberationSans-Regular.ttf", "Arial.ttf")
"""The first that the system has; else a font for Latin script."""


def print_sheets(sheets: list[SeparatorSheet], paper: str, target: Path) -> None:
    """Write a PDF with a page for each sheet. Raises OSError."""
    pages = [_drawn(one, PAPERS[paper]) for one in sheets]
    draft = target.with_name(f".{target.name}.pdf")
    try:
        pages[0].save(draft, "PDF", resolution=DPI, save_all=True, append_images=pages[1:])
        write_atomic(target, draft.read_bytes())
    finally:
        draft.unlink(missing_ok=True)


def _drawn(sheet: SeparatorSheet, size_mm: tuple[float, float]) -> Image.Image:
    page = Image.new("1", (round(size_mm[0] * MM), round(size_mm[1] * MM)), 1)
    draw, margin = ImageDraw.Draw(page), round(MARGIN_MM * MM)
    draw.text((margin, margin), TITLE, fill=0, font=_font(TEXT_MM))
    top = margin + round(18 * MM)
    page.paste(_code(sheet, "QRCode", {"ec_level": "Q"}), (margin, top))
    # In the opposite corner: dirt or a fold seldom meets both.
    matrix = _code(sheet, "DataMatrix", {"force_square": True})
    page.paste(matrix, (page.width - margin - matrix.width, page.height - margin - matrix.height))
    y = top + round((CODE_MM + 12) * MM)
    for line in sheet.lines():
        for part in _parts(line, _font(TEXT_MM), page.width - 2 * margin):
            draw.text((margin, y), part, fill=0, font=_font(TEXT_MM))
            y += round(TEXT_MM * 1.3 * MM)
    draw.text((margin, page.height - round(12 * MM)), NOTE, fill=0, font=_font(4))
    return page


def _code(sheet: SeparatorSheet, form: str, options: dict[str, Any]) -> Image.Image:
    zxing: Any = import_module("zxingcpp")
    code = zxing.create_barcode(sheet.payload(), zxing.BarcodeFormat[form], **options)
    drawn = Image.fromarray(_array(zxing.write_barcode_to_image(code, scale=1)))
    scale = max(1, round(CODE_MM * MM) // drawn.width)
    size = (drawn.width * scale, drawn.height * scale)
    return drawn.resize(size, Image.Resampling.NEAREST).convert("1")


def _array(image: Any) -> Any:
    numpy: Any = import_module("numpy")
    return numpy.array(image)


@cache
def _font(height_mm: float) -> Any:
    for name in FONTS:
        try:
            return ImageFont.truetype(name, round(height_mm * 0.75 * MM))
        except OSError:
            continue
    return ImageFont.load_default(round(height_mm * 0.75 * MM))


def _parts(line: str, font: Any, width: int) -> list[str]:
    """A line in parts that are not wider than the paper."""
    parts = [""]
    for letter in line:
        if font.getlength(parts[-1] + letter) > width:
            parts.append("")
        parts[-1] += letter
    return parts
