"""Writes TIFF files with several images: black and white, G4, of different sizes."""

from pathlib import Path

import tifffile
from PIL import Image, ImageDraw

from tests.support import pages

SIZES = ((620, 800), (500, 900), (700, 600), (620, 640), (900, 500))
THUMBNAIL = (62, 80)
DPI = 150


def page_sizes(count: int = len(SIZES)) -> list[tuple[int, int]]:
    """The sizes of the images."""
    return list(SIZES[:count])


def write_scan(path: Path, count: int = len(SIZES), *, thumbnail: bool = True) -> Path:
    """Images with a few lines of text each; a reduced copy of the second one follows it."""
    frames = []
    for number, size in enumerate(SIZES[:count], 1):
        frames.append(_frame(_printed(path, number, size)))
        if thumbnail and number == 2:
            frames.append(_frame(Image.new("1", THUMBNAIL, 1), {254: 1}))
    path.parent.mkdir(parents=True, exist_ok=True)
    first, *others = frames
    first.save(path, save_all=True, append_images=others, **_how({}))
    return path


def write_one(path: Path, number: int) -> Path:
    """One of these images in a file of its own."""
    _printed(path, number, SIZES[number - 1]).save(path, **_how({}))
    return path


def damage(path: Path, number: int) -> None:
    """Overwrite a part of the pixels of an image, counted without reduced copies."""
    with tifffile.TiffFile(path) as file:
        full = [page for page in file.pages if not page.is_reduced]
        offset, length = full[number - 1].dataoffsets[0], full[number - 1].databytecounts[0]
    content = bytearray(path.read_bytes())
    content[offset + length // 4 : offset + length // 2] = bytes(length // 2 - length // 4)
    path.write_bytes(content)


def _printed(path: Path, number: int, size: tuple[int, int]) -> Image.Image:
    """A page of text, cut or filled up to a size."""
    grey = pages.write_page(path.with_suffix(f".{number}.grey"), number)
    with Image.open(grey) as read:
        image = Image.new("L", size, 255)
        image.paste(read, (0, 0))
    grey.unlink()
    ImageDraw.Draw(image).rectangle((size[0] - 20, size[1] - 20, size[0] - 10, size[1] - 10), 0)
    return image.point(lambda value: 255 if value > 128 else 0).convert("1")


def _frame(image: Image.Image, tags: dict[int, int] | None = None) -> Image.Image:
    image.encoderinfo = _how(tags or {})
    return image


def _how(tags: dict[int, int]) -> dict[str, object]:
    return {"format": "TIFF", "compression": "group4", "dpi": (DPI, DPI), "tiffinfo": tags}
