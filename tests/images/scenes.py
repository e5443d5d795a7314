"""Pages that are drawn from a seed: print on paper with noise, in the kinds that scanners make."""

import numpy
import numpy.typing
from PIL import Image, ImageDraw

Pixels = numpy.typing.NDArray[numpy.generic]
WORDS = ("quire", "folio", "recto", "verso", "binding", "gathering", "colophon", "incipit")
LINE_PX = 14


def page(draw: numpy.random.Generator, mode: str = "RGB") -> Image.Image:
    """A page with lines of print, a picture and the noise of a sensor."""
    width, height = int(draw.integers(420, 760)), int(draw.integers(300, 560))
    image = Image.new("L", (width, height), 235)
    pen = ImageDraw.Draw(image)
    for top in range(20, height - 30, LINE_PX):
        words = " ".join(draw.choice(WORDS, size=max(2, width // 80)))
        pen.text((24, top), words, fill=int(draw.integers(10, 60)))
    pen.ellipse((width // 2, height // 3, width - 30, height - 40), fill=120, outline=20)
    if mode == "1":
        return image.point(lambda value: 255 if value > 150 else 0).convert("1")
    noise = draw.normal(0, 4, (height, width))
    slope = numpy.linspace(-12, 8, width)
    grey = numpy.clip(numpy.asarray(image) + noise + slope, 0, 255).astype(numpy.uint8)
    if mode == "L":
        return Image.fromarray(grey)
    tint = (1.0, 0.97, 0.9)
    return Image.fromarray(
        numpy.stack([(grey * share).astype(numpy.uint8) for share in tint], axis=-1)
    )


def deep(image: Image.Image, draw: numpy.random.Generator) -> Pixels:
    """The samples of an image in 16 bits, the lower ones with noise."""
    low = draw.integers(0, 64, numpy.asarray(image).shape)
    return (numpy.asarray(image).astype(numpy.uint16) * 257 ^ low).astype(numpy.uint16)
