"""Drawn pages with text, and the defects of captures."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

SIZE = (1240, 1754)
"""A4 at 150 dpi."""
WORDS = [
    "in",
    "the",
    "beginning",
    "of",
    "the",
    "third",
    "book",
    "he",
    "writes",
    "that",
    "every",
    "letter",
    "was",
    "cut",
    "by",
    "hand",
    "and",
]


def text_page(seed: int = 1, size: tuple[int, int] = SIZE, ink: int = 45) -> Image.Image:
    """Grey paper with lines of text and a margin."""
    draw = np.random.default_rng(seed)
    paper = np.clip(draw.normal(222, 2.5, size[::-1]), 0, 255).astype(np.uint8)
    page = Image.fromarray(paper)
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(26)
    for top in range(150, size[1] - 190, 42):
        # Verses: lines of different length, some indented, some left out.
        if draw.random() < 0.1:
            continue
        left, line = 140 + int(draw.choice((0, 0, 60, 180))), ""
        longest = int(draw.integers(size[0] // 3, size[0] - 250 - left))
        while pen.textlength(line, font) < longest:
            line += f"{draw.choice(WORDS)} "
        pen.text((left, top), line, fill=ink, font=font)
    return page


def blank_page(seed: int = 1) -> Image.Image:
    """A leaf without text: grain, a stain, a darker edge."""
    draw = np.random.default_rng(seed)
    page = draw.normal(215, 3, SIZE[::-1])
    page[:, -20:] -= 90
    page[300:330, 400:460] -= 12
    return Image.fromarray(np.clip(page, 0, 255).astype(np.uint8))


def turned(page: Image.Image, degrees: float) -> Image.Image:
    """The page on the glass at an angle; positive: its lines fall to the right."""
    return page.rotate(-degrees, Image.Resampling.BICUBIC, fillcolor=222)


def blurred(page: Image.Image, radius: float) -> Image.Image:
    """The page out of focus."""
    return page.filter(ImageFilter.GaussianBlur(radius))


def exposed(page: Image.Image, gain: float, shift: float = 0) -> Image.Image:
    """The page with other levels."""
    return page.point(lambda value: max(0, min(255, round(value * gain + shift))))
