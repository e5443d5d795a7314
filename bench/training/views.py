"""Degraded views of a page, as scanners, microfilm and compression make them."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

COUNT = 6
"""Views of a page; the first one is the page as it is."""


def view(image: Image.Image, number: int, seed: int) -> Image.Image:
    """The view with this number; the same seed gives the same pixels."""
    random = np.random.default_rng([seed, number])
    return VIEWS[number](image, random)


def _as_is(image: Image.Image, random: np.random.Generator) -> Image.Image:
    return image


def _small_and_compressed(image: Image.Image, random: np.random.Generator) -> Image.Image:
    factor = random.uniform(0.6, 0.8)
    size = (int(image.width * factor), int(image.height * factor))
    data = io.BytesIO()
    image.resize(size, Image.Resampling.BILINEAR).save(
        data, "JPEG", quality=int(random.integers(35, 70))
    )
    return Image.open(data).convert("RGB")


def _skewed_and_shaded(image: Image.Image, random: np.random.Generator) -> Image.Image:
    turned = image.rotate(
        random.uniform(-2.5, 2.5), Image.Resampling.BICUBIC, fillcolor=image.getpixel((9, 9))
    )
    values = 255 * (np.asarray(turned) / 255.0) ** random.uniform(0.6, 1.7)
    return _image(values * np.linspace(random.uniform(0.6, 1), 1, image.width)[None, :, None])


def _faint_negative(image: Image.Image, random: np.random.Generator) -> Image.Image:
    grey = np.asarray(image.convert("L")).astype(float)
    grey = 255 - (random.uniform(60, 110) + grey * random.uniform(0.35, 0.55))
    return _image(grey + random.normal(0, random.uniform(2, 6), grey.shape))


def _part(image: Image.Image, random: np.random.Generator) -> Image.Image:
    share = random.uniform(0.6, 0.75)
    width, height = int(image.width * share), int(image.height * share)
    left = int(random.integers(0, image.width - width))
    top = int(random.integers(0, image.height - height))
    factor = max(image.size) / max(width, height)
    cut = image.crop((left, top, left + width, top + height))
    return cut.resize((int(width * factor), int(height * factor)), Image.Resampling.BICUBIC)


def _blurred_and_hard(image: Image.Image, random: np.random.Generator) -> Image.Image:
    grey = image.convert("L")
    sharp = grey.filter(ImageFilter.GaussianBlur(random.uniform(0.4, 0.9)))
    around = np.asarray(grey.filter(ImageFilter.BoxBlur(20))).astype(float)
    difference = np.asarray(sharp) - around + random.uniform(8, 22)
    return _image(128 + difference * random.uniform(3, 6))


def _image(values: NDArray[np.float64]) -> Image.Image:
    return Image.fromarray(values.clip(0, 255).astype(np.uint8)).convert("RGB")


VIEWS = (
    _as_is,
    _small_and_compressed,
    _skewed_and_shaded,
    _faint_negative,
    _part,
    _blurred_and_hard,
)
