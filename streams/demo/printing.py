"""Renders text as a scanned page: paper, ink, blur and skew, the same for the same seed."""

from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

import pyvips

FONT_FOLDERS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"))
INK = [44.0, 36.0, 33.0]
PAPER = [236.0, 227.0, 206.0]


class MissingFont(Exception):
    """A font of the demo is not installed."""


@dataclass(frozen=True)
class Face:
    """A typeface: its Pango family, its file, and its Debian package."""

    family: str
    file: str
    package: str
    points: float

    def path(self) -> Path:
        """Its font file. Raises MissingFont."""
        for folder in FONT_FOLDERS:
            for found in sorted(folder.rglob(self.file)):
                return found
        raise MissingFont(f"font {self.file} is not installed (Debian package {self.package})")


GARAMOND = Face("EB Garamond 12", "EBGaramond12-Regular.otf", "fonts-ebgaramond", 11)
JUNICODE = Face("Junicode", "Junicode*-Regular.otf", "fonts-junicode", 11)
BLACKLETTER = Face("Blankenburg_UNZ1A", "Blankenburg_UNZ1A.ttf", "fonts-blankenburg", 12)


@dataclass(frozen=True)
class Sheet:
    """The properties of a page: size in inches, resolution, skew, colour or grey."""

    dpi: int
    seed: int
    skew_degrees: float
    grey: bool = False
    width_inches: float = 4.3
    height_inches: float = 6.2
    margin_inches: float = 0.55


def printed(text: str, face: Face, sheet: Sheet) -> pyvips.Image:
    """An image of the text as if scanned. Raises ValueError when it does not fit on the page."""
    width, height = round(sheet.width_inches * sheet.dpi), round(sheet.height_inches * sheet.dpi)
    margin = round(sheet.margin_inches * sheet.dpi)
    font = face.path()
    # Debian 12 ships a beta of Junicode 2 with another family name.
    family = face.family + " Two Beta" * ("TwoBeta" in font.name)
    ink = pyvips.Image.text(
        escape(text),
        font=f"{family} {face.points}",
        fontfile=str(font),
        width=width - 2 * margin,
        dpi=sheet.dpi,
        spacing=round(sheet.dpi / 60),
    )
    if ink.height > height - 2 * margin:
        raise ValueError(f"the text of {len(text)} characters does not fit on the page")
    mask = ink.embed(margin, margin, width, height)
    return _on_paper(_skewed(mask, sheet.skew_degrees), sheet)


def _skewed(mask: pyvips.Image, degrees: float) -> pyvips.Image:
    turned = mask.rotate(degrees)
    left, top = (turned.width - mask.width) // 2, (turned.height - mask.height) // 2
    return turned.crop(left, top, mask.width, mask.height)


def _on_paper(mask: pyvips.Image, sheet: Sheet) -> pyvips.Image:
    """Uneven ink on paper that darkens towards one corner, with fibres and grain."""
    width, height = mask.width, mask.height
    cell = max(8, sheet.dpi // 3)
    clouds = pyvips.Image.gaussnoise(
        width // cell + 4, height // cell + 4, mean=0, sigma=6, seed=sheet.seed
    )
    clouds = clouds.resize(cell, kernel="linear").crop(cell, cell, width, height)
    grain = pyvips.Image.gaussnoise(width, height, mean=0, sigma=4, seed=sheet.seed + 1)
    position = pyvips.Image.xyz(width, height)
    shade = (position[0] / width) * 14 + (position[1] / height) * 10
    strength = (mask / 255.0).gaussblur(sheet.dpi / 500) * 0.9
    ground = (clouds + grain - shade).bandjoin([clouds + grain * 0.9 - shade] * 2) + PAPER
    page = ground * (strength * -1 + 1) + (strength * 1.0).bandjoin([strength] * 2) * INK
    image = page.cast("uchar").copy(interpretation="srgb")
    if sheet.grey:
        image = image.colourspace("b-w")
    per_millimetre = sheet.dpi / 25.4
    return image.copy(xres=per_millimetre, yres=per_millimetre)
