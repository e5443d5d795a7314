"""Pages for analyzers: made ones, and those of the corpora."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from processors.enrich.analyzer import PageView, Word

WORDS = "the quick brown fox jumps over a lazy dog and runs home to its den in the wood"


def page_view(
    image: Image.Image | NDArray[np.uint8], times: int = 1, words: tuple[Word, ...] = ()
) -> PageView:
    """A page as an analyzer sees it, of a master that is larger by the given factor."""
    pixels = np.asarray(image.convert("RGB")) if isinstance(image, Image.Image) else image
    return PageView(
        page_id="p-1",
        image=pixels,
        master_width=pixels.shape[1] * times,
        master_height=pixels.shape[0] * times,
        dpi=0,
        words=words,
        text="",
        stated_languages=(),
        titles=(),
        keywords=(),
    )


def paper(width: int = 700, height: int = 900) -> Image.Image:
    """An empty leaf with a grain and a shadow at its left edge."""
    grain = np.random.default_rng(1).normal(0, 2.0, (height, width))
    shade = 215 - 25 * np.exp(-np.arange(width) / 40)
    values = np.clip(shade[None, :] + grain, 0, 255)[:, :, None] * np.array([1, 0.97, 0.88])
    return Image.fromarray(values.astype(np.uint8))


def text_page(lines: int = 24, size: int = 18) -> Image.Image:
    """A leaf with lines of text."""
    page = paper()
    draw = ImageDraw.Draw(page)
    font = ImageFont.load_default(size)
    for line in range(lines):
        draw.text((70, 80 + line * (size + 12)), WORDS[line % 7 :][:58], (40, 32, 28), font)
    return page


def picture(path: Path) -> Image.Image:
    """An image of the corpora at the size of an access image."""
    image = Image.open(path)
    image.draft("RGB", (2000, 2000))
    image = image.convert("RGB")
    image.thumbnail((2000, 2000))
    return image
