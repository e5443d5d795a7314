"""Small files that promise much: images whose headers, tags or streams ask for more than there is."""

import struct
import zlib
from collections.abc import Iterator

from tests.support.tiff_builders import ATiff

SHORT, LONG, ASCII, UNDEFINED = 3, 4, 2, 7
HUGE = 60_000


def bombs() -> Iterator[tuple[str, str, bytes]]:
    """Name, file name and content of each."""
    yield from _tiffs()
    yield from _pngs()
    yield from _jpegs()
    yield from _others()


def _tiffs() -> Iterator[tuple[str, str, bytes]]:
    def tiff(name: str, **made: object) -> tuple[str, str, bytes]:
        return f"tiff {name}", "0001.tif", ATiff(**made).bytes()  # type: ignore[arg-type]

    side = {256: (LONG, [HUGE]), 257: (LONG, [HUGE]), 278: (LONG, [HUGE])}
    yield tiff("of 60000 x 60000 pixels", tags=side)
    yield tiff("of 4 billion columns", tags={256: (LONG, [2**32 - 1])})
    yield tiff("without columns", tags={256: (LONG, [0])})
    yield tiff("with 65535 samples a pixel", tags={277: (SHORT, [65535])})
    yield tiff("with 65535 bits a sample", tags={258: (SHORT, [65535])})
    yield tiff("whose strip is 4 GB", tags={279: (LONG, [2**32 - 1])})
    yield tiff("whose strip lies behind the end", tags={273: (LONG, [2**31])})
    yield tiff("with one row a strip and one strip", tags={278: (LONG, [1])})
    yield tiff("that is its own next directory", following=8 + 64)
    yield tiff("whose next directory is its pixels", following=8)
    yield tiff("of an unknown compression", tags={259: (SHORT, [54321])})
    yield tiff("said to be JPEG inside", tags={259: (SHORT, [7])})
    yield tiff("said to be JPEG 2000 inside", tags={259: (SHORT, [34712])})
    yield tiff("said to be of CCITT group 4", tags={259: (SHORT, [4]), 258: (SHORT, [1])})
    yield tiff("of negative resolution", tags={282: (LONG, [0])})
    yield tiff(
        "with tiles of 4 billion", tags={322: (LONG, [2**32 - 16]), 323: (LONG, [2**32 - 16])}
    )
    yield tiff("with a directory below itself", tags={330: (LONG, [8 + 64])})
    yield tiff("with EXIF in its pixels", tags={34665: (LONG, [8])})
    yield tiff("with a profile of 100 bytes of nothing", tags={34675: (UNDEFINED, bytes(100))})
    yield tiff("with a text of 200 kB", tags={270: (ASCII, b"A" * 200_000 + b"\0")})
    deep = b"<a>" * 20_000 + b"</a>" * 20_000
    yield tiff("with XMP 20000 deep", tags={700: (UNDEFINED, deep)})
    packet = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "' + b"b" * 5000 + b'">]><x>&a;</x>'
    yield tiff("with XMP that has entities", tags={700: (UNDEFINED, packet)})
    bomb = zlib.compress(bytes(200_000_000), 9)
    pixels = {256: (LONG, [20_000]), 257: (LONG, [10_000]), 278: (LONG, [10_000])}
    yield tiff("of 200 MB in 200 kB", pixels=bomb, tags={**pixels, 259: (SHORT, [8])})
    yield tiff("big, of 60000 x 60000 pixels", big=True, tags=side)
    sound = ATiff().bytes()
    for count in (0, 1, 1000, 65535):
        directory = struct.unpack_from("<I", sound, 4)[0]
        changed = bytearray(sound)
        struct.pack_into("<H", changed, directory, count)
        yield f"tiff said to have {count} tags", "0001.tif", bytes(changed)
    many = b"".join(struct.pack("<HI", 0, 8 + 6 * number + 6) for number in range(20_000))
    yield "tiff of 20000 empty directories", "0001.tif", b"II*\0" + struct.pack("<I", 8) + many


def _chunk(kind: bytes, content: bytes) -> bytes:
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )


def _pngs() -> Iterator[tuple[str, str, bytes]]:
    head = b"\x89PNG\r\n\x1a\n"

    def png(width: int, height: int, *between: bytes, pixels: bytes = b"") -> bytes:
        size = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
        data = _chunk(b"IDAT", pixels or zlib.compress(bytes((width + 1) * height)))
        return head + size + b"".join(between) + data + _chunk(b"IEND", b"")

    packed = zlib.compress(bytes(50_000_000), 9)
    yield "png of 60000 x 60000 pixels", "0001.png", png(HUGE, HUGE, pixels=zlib.compress(b"0"))
    yield "png of 2 billion columns", "0001.png", png(2**31 - 1, 1, pixels=zlib.compress(b"0"))
    yield "png without rows", "0001.png", png(8, 0, pixels=zlib.compress(b""))
    yield "png with 50 MB of pixels too many", "0001.png", png(8, 8, pixels=packed)
    text = _chunk(b"zTXt", b"Comment\0\0" + packed)
    yield "png with 50 MB of text in 50 kB", "0001.png", png(8, 8, text)
    profile = _chunk(b"iCCP", b"icc\0\0" + packed)
    yield "png with a profile of 50 MB", "0001.png", png(8, 8, profile)
    texts = b"".join(_chunk(b"tEXt", b"k\0v") for _ in range(20_000))
    yield "png with 20000 texts", "0001.png", png(8, 8, texts)
    yield "png without pixels", "0001.png", head + _chunk(b"IEND", b"")
    yield "png with a chunk of 2 GB", "0001.png", head + struct.pack(">I", 2**31 - 1) + b"IDAT"


def _jpegs() -> Iterator[tuple[str, str, bytes]]:
    def jpeg(width: int, height: int, *segments: bytes, parts: int = 1) -> bytes:
        body = struct.pack(">BHHB", 8, height, width, parts) + b"\x01\x11\0" * parts
        frame = b"\xff\xc0" + struct.pack(">H", len(body) + 2) + body
        return (
            b"\xff\xd8"
            + b"".join(segments)
            + frame
            + b"\xff\xda\0\x08\x01\x01\0\0\x3f\0"
            + b"\xff\xd9"
        )

    yield "jpeg of 65500 x 65500 pixels", "0001.jpg", jpeg(65_500, 65_500)
    yield "jpeg without rows", "0001.jpg", jpeg(8, 0)
    yield "jpeg of 255 components", "0001.jpg", jpeg(8, 8, parts=80)
    yield "jpeg without tables", "0001.jpg", jpeg(64, 64)
    segment = b"\xff\xe1" + struct.pack(">H", 65_535) + b"Exif\0\0" + bytes(65_527)
    yield "jpeg with 200 empty EXIF segments", "0001.jpg", jpeg(8, 8, *([segment] * 200))
    yield "jpeg with a segment of no length", "0001.jpg", jpeg(8, 8, b"\xff\xe1\0\0")
    yield "jpeg of nothing but its beginning", "0001.jpg", b"\xff\xd8"
    yield "jpeg of 100000 restarts", "0001.jpg", b"\xff\xd8" + b"\xff\xd0" * 100_000


def _others() -> Iterator[tuple[str, str, bytes]]:
    size = (
        struct.pack(">HIIIIIIIIH", 0, HUGE, HUGE, 0, 0, HUGE, HUGE, 0, 0, 3) + b"\x07\x01\x01" * 3
    )
    stream = b"\xff\x4f\xff\x51" + struct.pack(">H", len(size) + 2) + size
    box = (
        struct.pack(">I4sI", 12, b"jP  ", 0x0D0A870A)
        + struct.pack(">I4s", 20, b"ftyp")
        + b"jp2 \0\0\0\0jp2 "
    )
    yield "jp2 stream of 60000 x 60000 pixels", "0001.j2k", stream
    yield "jp2 of 60000 x 60000 pixels", "0001.jp2", box + struct.pack(">I4s", 0, b"jp2c") + stream
    yield "jp2 with a box of no end", "0001.jp2", box + struct.pack(">I4sQ", 1, b"jp2h", 2**63)
    for name, content in {
        "no byte": b"",
        "one byte": b"I",
        "a TIFF header and no more": b"II*\0",
        "64 kB of zeros": bytes(65_536),
        "text": b"no image at all\n" * 50,
        "a script": b"#!/bin/sh\nexit 0\n",
        "a program": b"\x7fELF" + bytes(200),
        "PDF": b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\n%%EOF",
        "PostScript": b"%!PS-Adobe-3.0\nshowpage\n",
        "SVG with an entity": b'<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg>&x;</svg>',
        "zip": b"PK\x03\x04" + bytes(100),
        "gzip": b"\x1f\x8b\x08" + bytes(100),
        "GIF of 65535 x 65535": b"GIF89a\xff\xff\xff\xff\xf0\0\0" + bytes(20),
        "BMP of 4 billion columns": b"BM" + bytes(8) + struct.pack("<IIIi", 54, 40, 2**32 - 1, 1) + bytes(30),
        "WebP": b"RIFF\x10\0\0\0WEBPVP8L" + bytes(16),
        "a push to ImageMagick": b"push graphic-context\nfill 'url(https://x|ls)'\n",
        "OpenEXR": b"\x76\x2f\x31\x01" + bytes(64),
        "Matlab": b"MATLAB 5.0 MAT-file" + bytes(128),
    }.items():  # fmt: skip
        yield f"{name} called TIFF", "0001.tif", content
        yield f"{name} called JPEG", "0001.jpg", content
