"""Hundreds of hostile and broken images, the same for a seed: bombs, mutations, real broken files."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.data.make import exif, jpeg_with, scene
from tests.hostile.bombs import bombs
from tests.support.corpora import CORPORA
from tests.support.tiff_builders import ATiff

BROKEN_FOLDERS = ("checkit-tiff/tiffs_should_fail", "jp2")
SUFFIXES = {".tif", ".tiff", ".jp2", ".tiff64"}


@dataclass(frozen=True)
class Hostile:
    """One file as somebody might deliver it."""

    name: str
    file_name: str
    content: bytes


def masters() -> dict[str, tuple[str, bytes]]:
    """Sound images of several kinds, to be damaged."""
    image = scene(48, 40)
    grey = image[0].copy(interpretation="b-w")
    return {
        "lzw": ("0001.tif", image.tiffsave_buffer(compression="lzw")),
        "tiles": ("0001.tif", image.tiffsave_buffer(compression="deflate", tile=True, tile_width=16, tile_height=16)),
        "pyramid": ("0001.tif", scene(300, 200).tiffsave_buffer(compression="jpeg", tile=True, pyramid=True)),
        "bilevel": ("0001.tif", grey.tiffsave_buffer(compression="ccittfax4", bitdepth=1)),
        "sixteen bits": ("0001.tif", grey.cast("ushort").tiffsave_buffer()),
        "big-endian": ("0001.tif", ATiff(order=">").bytes()),
        "bigtiff": ("0001.tif", ATiff(big=True).bytes()),
        "jpeg": ("0001.jpg", jpeg_with(exif(300, 6))),
        "progressive": ("0001.jpg", image.jpegsave_buffer(interlace=True)),
        "png": ("0001.png", image.pngsave_buffer()),
        "interlaced png": ("0001.png", image.pngsave_buffer(interlace=True)),
    }  # fmt: skip


def _cut(content: bytes, dice: random.Random) -> bytes:
    return content[: dice.randrange(len(content))]


def _bit(content: bytes, dice: random.Random) -> bytes:
    changed = bytearray(content)
    changed[dice.randrange(len(changed))] ^= 1 << dice.randrange(8)
    return bytes(changed)


def _head(content: bytes, dice: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(dice.randint(1, 4)):
        changed[dice.randrange(min(200, len(changed)))] = dice.choice((0, 1, 0x7F, 0x80, 0xFF))
    return bytes(changed)


def _hole(content: bytes, dice: random.Random) -> bytes:
    start, length = dice.randrange(len(content)), dice.randint(1, 400)
    return content[:start] + bytes(min(length, len(content) - start)) + content[start + length :]


def _without(content: bytes, dice: random.Random) -> bytes:
    start = dice.randrange(len(content))
    return content[:start] + content[start + dice.randint(1, 64) :]


def _longer(content: bytes, dice: random.Random) -> bytes:
    return content + dice.randbytes(dice.randint(1, 3000))


def _twice(content: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(content))
    return content[:at] + content


def _noise(content: bytes, dice: random.Random) -> bytes:
    start = dice.randrange(len(content))
    noise = dice.randbytes(min(60, len(content) - start))
    return content[:start] + noise + content[start + 60 :]


MUTATIONS: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "cut": _cut,
    "a bit turned": _bit,
    "its head changed": _head,
    "a hole": _hole,
    "bytes left out": _without,
    "bytes behind it": _longer,
    "spliced": _twice,
    "noise": _noise,
}


def mutations(seed: int, each: int) -> Iterator[Hostile]:
    """So many damaged files of each sound image and kind of damage."""
    dice = random.Random(seed)
    for name, (file_name, content) in masters().items():
        for what, mutate in MUTATIONS.items():
            for number in range(each):
                yield Hostile(f"{name}, {what}, {number}", file_name, mutate(content, dice))


def misnamed() -> Iterator[Hostile]:
    """Sound images under the names of others; they are judged by what they are."""
    kinds = masters()
    for name, (_, content) in kinds.items():
        for other in ("0001.jp2", "0001.png", "0001.pdf", "0001"):
            yield Hostile(f"{name} called {other}", other, content)


def broken_files() -> Iterator[Hostile]:
    """Those of the shared corpora; none where that folder is missing."""
    for folder in BROKEN_FOLDERS:
        for path in sorted((CORPORA / folder).rglob("*")):
            if path.suffix in SUFFIXES and path.is_file():
                yield Hostile(f"corpus {path.name}", f"0001{path.suffix}", path.read_bytes())


def hostile_images(seed: int = 1, each: int = 6) -> list[Hostile]:
    """All of them; 600 and more with six of each mutation."""
    made = [Hostile(*one) for one in bombs()]
    return [*made, *misnamed(), *mutations(seed, each), *broken_files()]
