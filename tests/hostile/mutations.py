"""Sound images made unsound: bits flipped, ends cut, halves spliced, names exchanged."""

import random
from collections.abc import Iterator

from tests.data.make import exif, jpeg_with, scene
from tests.hostile.case import Hostile
from tests.unit.tiff_builders import ATiff

FLIPS_EACH, CUTS_EACH = 26, 10


def sound_images() -> dict[str, bytes]:
    """A small sound image of each family, by its file's name."""
    image = scene(64, 48)
    return {
        "lzw.tif": image.tiffsave_buffer(compression="lzw"),
        "tiles.tif": image.tiffsave_buffer(
            compression="deflate", tile=True, tile_width=16, tile_height=16
        ),
        "plain.tif": ATiff(order=">").bytes(),
        "big.tif": ATiff(big=True).bytes(),
        "photo.jpg": jpeg_with(exif(300, 6)),
        "drawing.png": image.pngsave_buffer(),
    }


def mutations(seed: int) -> Iterator[Hostile]:
    """All of them; the same seed gives the same bytes."""
    chance = random.Random(seed)
    sound = sound_images()
    for name, content in sound.items():
        yield from _flipped(chance, name, content)
        yield from _cut(name, content)
        yield from _whole(chance, name, content, sound)
    yield from _no_images(chance)


def _flipped(chance: random.Random, name: str, content: bytes) -> Iterator[Hostile]:
    for number in range(FLIPS_EACH):
        changed = bytearray(content)
        for _ in range(1 + number % 4):
            # Half of them in the header, where most can go wrong.
            end = len(changed) if number % 2 else min(200, len(changed))
            changed[chance.randrange(end)] ^= 1 << chance.randrange(8)
        yield Hostile("mutation", f"{name}, flip {number}", bytes(changed), name)


def _cut(name: str, content: bytes) -> Iterator[Hostile]:
    edges = {1, 2, 4, 8, 9, 16, len(content) // 2, len(content) - 1, len(content) - 2}
    edges |= {len(content) * share // CUTS_EACH for share in range(1, CUTS_EACH)}
    for edge in sorted(edge for edge in edges if 0 < edge < len(content)):
        yield Hostile("cut", f"{name}, cut at {edge}", content[:edge], name)


def _whole(
    chance: random.Random, name: str, content: bytes, sound: dict[str, bytes]
) -> Iterator[Hostile]:
    half = len(content) // 2
    zeros = bytes(min(64, half))
    other_name, other = next((n, c) for n, c in sound.items() if n[-3:] != name[-3:])
    spliced = content[:half] + other[len(other) // 2 :]
    swapped = name.rsplit(".", 1)[0] + (".png" if name.endswith("tif") else ".tif")
    yield Hostile(
        "mutation",
        f"{name}, a hole of zeros",
        content[:half] + zeros + content[half + len(zeros) :],
        name,
    )
    yield Hostile("mutation", f"{name}, spliced with {other_name}", spliced, name)
    yield Hostile("mutation", f"{name}, twice over", content + content, name)
    yield Hostile("mutation", f"{name}, bytes before it", b"\0" + content, name)
    yield Hostile("mutation", f"{name}, half of it twice", content[:half] + content, name)
    yield Hostile("polyglot", f"{name}, noise behind it", content + chance.randbytes(5000), name)
    yield Hostile(
        "polyglot", f"{name}, HTML behind it", content + b"<script>alert(1)</script>", name
    )
    yield Hostile(
        "polyglot",
        f"{name}, ZIP behind it",
        content + b"PK\x03\x04" + bytes(60) + b"PK\x05\x06" + bytes(18),
        name,
    )
    yield Hostile("polyglot", f"{name}, as {swapped}", content + b"\n", swapped)


def _no_images(chance: random.Random) -> Iterator[Hostile]:
    starts = {
        "SVG": b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
        "PDF": b"%PDF-1.7\n1 0 obj<</Type/Catalog/OpenAction<</S/Launch/F(/bin/sh)>>>>endobj\n",
        "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n(/etc/passwd) (r) file 1000 string readstring\n",
        "MVG": b"push graphic-context\nfill 'url(https://x.invalid/|touch /tmp/x)'\n",
        "ZIP": b"PK\x03\x04" + bytes(200),
        "program": b"\x7fELF\x02\x01\x01" + bytes(200),
        "script": b"#!/bin/sh\ntouch /tmp/hostile\n",
        "GIF": b"GIF89a\xff\xff\xff\xff\x00\x00\x00,",
        "BMP": b"BM" + bytes(12) + (40).to_bytes(4, "little") + b"\xff\xff\xff\x7f" * 2 + bytes(28),
        "WebP": b"RIFF\xff\xff\xff\xffWEBPVP8X" + bytes(20),
        "PNM": b"P6 999999999 999999999 255\n",
        "EXR": b"v/1\x01" + bytes(100),
        "HEIF": b"\0\0\0\x18ftypheic" + bytes(100),
        "PSD": b"8BPS\0\1" + bytes(6) + b"\0\3\xff\xff\xff\xff\xff\xff\xff\xff\0\x08\0\3",
        "nothing": b"",
        "one zero": b"\0",
        "zeros": bytes(100_000),
    }
    for name, content in starts.items():
        yield Hostile("no image", f"{name} as page.tif", content, "page.tif")
    for number in range(8):
        yield Hostile(
            "no image", f"noise {number}", b"?" + chance.randbytes(100 << number), "page.tif"
        )
