"""Image files that claim, hide or nest more than anyone should read; each small itself."""

import struct
import zlib
from collections.abc import Iterator

from tests.data.make import scene
from tests.hostile.case import Hostile
from tests.support.tiff_builders import ASCII, BYTE, LONG, RATIONAL, SHORT, UNDEFINED, ATiff

TOO_LARGE, BOMB, DIRECTORIES, METADATA = (
    "image that is too large",
    "image bomb",
    "directory bomb",
    "metadata bomb",
)
MANY = 3_000
PACKED_BYTES = 32 * 1024 * 1024
"""As much as a text or profile of some kilobytes unpacks to."""


def pictures() -> Iterator[Hostile]:
    """All of them, the same every time."""
    yield from _large_tiffs()
    yield from _directories()
    yield from _odd_tags()
    yield from _pngs()
    yield from _jpegs()
    yield from _jpeg_2000()


def _tiff(kind: str, name: str, content: bytes) -> Hostile:
    return Hostile(kind, f"TIFF, {name}", content, "page.tif")


def _large_tiffs() -> Iterator[Hostile]:
    for width, height in ((60_000, 60_000), (2**31, 1), (1, 2**32 - 1), (100_001, 1)):
        size = {256: (LONG, [width]), 257: (LONG, [height])}
        yield _tiff(TOO_LARGE, f"{width} x {height}", ATiff(tags=size).bytes())
        yield _tiff(TOO_LARGE, f"big, {width} x {height}", ATiff(tags=size, big=True).bytes())
        packed = {**size, 259: (SHORT, [8]), 278: (LONG, [height])}
        pixels = zlib.compress(bytes(1 << 20))
        yield _tiff(
            TOO_LARGE, f"deflate, {width} x {height}", ATiff(tags=packed, pixels=pixels).bytes()
        )
    for tile in (1 << 15, 1 << 20, 1 << 31):
        tiles = {322: (LONG, [tile]), 323: (LONG, [tile]), 324: (LONG, [8]), 325: (LONG, [64])}
        yield _tiff(
            DIRECTORIES,
            f"tiles of {tile} pixels",
            ATiff(tags=tiles, without=(273, 279)).bytes(),
        )
    for pixels in (bytes(8 << 20), bytes(64)):
        packed = ATiff(tags={259: (SHORT, [8])}, pixels=zlib.compress(pixels))
        yield _tiff(BOMB, f"a strip that unpacks to {len(pixels)} bytes", packed.bytes())
    yield _tiff(BOMB, "a strip of LZW noise", ATiff(tags={259: (SHORT, [5])}).bytes())
    for samples in (17, 500, 65_535):
        tags = {277: (SHORT, [samples]), 258: (SHORT, [8] * min(samples, 20))}
        yield _tiff(DIRECTORIES, f"{samples} samples a pixel", ATiff(tags=tags).bytes())


def _chain(count: int, back_to: int | None) -> bytes:
    """So many directories of one entry each, the last pointing back where asked."""
    entry = struct.pack("<HHII", 256, 4, 1, 8)
    out = bytearray(struct.pack("<2sHI", b"II", 42, 8))
    for number in range(count):
        following = 8 + (number + 1) * 18
        if number == count - 1:
            following = 0 if back_to is None else 8 + back_to * 18
        out += struct.pack("<H", 1) + entry + struct.pack("<I", following)
    return bytes(out)


def _directories() -> Iterator[Hostile]:
    for count in (1, 2, 3, 100, MANY, 20_001):
        yield _tiff(DIRECTORIES, f"{count} directories without pixels", _chain(count, None))
        for back in sorted({0, count // 2, count - 1}):
            yield _tiff(
                DIRECTORIES, f"{count} directories in a circle to {back}", _chain(count, back)
            )
    yield _tiff(BOMB, f"{MANY} pages", _pages(MANY))
    sub = ATiff(tags={330: (LONG, [8] * 5000)})
    yield _tiff(BOMB, "5000 sub-directories at one place", sub.bytes())
    for tag, name in ((34665, "Exif"), (34853, "GPS"), (40965, "interoperability"), (330, "sub")):
        content = bytearray(ATiff(tags={tag: (LONG, [72])}).bytes())
        yield _tiff(BOMB, f"{name} directory that is the image's own", bytes(content))


def _pages(count: int) -> bytes:
    """A file of so many images that share one strip."""
    one = ATiff(tags={254: (LONG, [2])})
    entries, _ = one.made_entries()
    kept = [entry for entry in entries if struct.unpack_from("<H", entry)[0] not in (270, 282, 283)]
    out = bytearray(one.bytes()[:72])
    size = 2 + 12 * len(kept) + 4
    for number in range(count):
        following = 72 + (number + 1) * size if number < count - 1 else 0
        out += struct.pack("<H", len(kept)) + b"".join(kept) + struct.pack("<I", following)
    return bytes(out)


def _odd_tags() -> Iterator[Hostile]:
    for tag, kind in ((273, LONG), (279, LONG), (258, SHORT), (34675, UNDEFINED), (700, BYTE)):
        for count in (1 << 24, 2**32 - 1):
            entries, _ = ATiff(tags={tag: (kind, [1])} if kind != UNDEFINED else {}).made_entries()
            huge = struct.pack("<HHII", tag, kind, count, 8)
            others = [each for each in entries if struct.unpack_from("<H", each)[0] != tag]
            made = ATiff(entries=sorted([*others, huge], key=lambda e: e[:2][::-1]))
            # Without its profile or XMP an image has all its pixels.
            kind_of_case = METADATA if tag in (34675, 700) else DIRECTORIES
            yield _tiff(kind_of_case, f"tag {tag} with {count} values", made.bytes())
    xmp = b"<x>" * 100_000
    yield _tiff(METADATA, "XMP of 100,000 open elements", ATiff(tags={700: (BYTE, xmp)}).bytes())
    yield _tiff(
        METADATA, "XMP nested 400 deep", ATiff(tags={700: (BYTE, _nested_xmp(400))}).bytes()
    )
    yield _tiff(METADATA, "XMP nested 40 deep", ATiff(tags={700: (BYTE, _nested_xmp(40))}).bytes())
    bomb = _xmp('<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>', "&b;")
    yield _tiff(METADATA, "XMP with entities", ATiff(tags={700: (BYTE, bomb)}).bytes())
    outside = _xmp('<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>', "&a;")
    yield _tiff(METADATA, "XMP with an outside entity", ATiff(tags={700: (BYTE, outside)}).bytes())
    for text in (b"{ready1}\n{ready2}\n\0", b"\xff\xfe\0\0\x1b[2J\0", b"-execute\n-o\n/tmp/x\n\0"):
        told = ATiff(tags={270: (ASCII, text), 271: (ASCII, text), 305: (ASCII, text)})
        yield _tiff(METADATA, f"texts {text[:12]!r}", told.bytes())
    long = ATiff(tags={270: (ASCII, b"a" * 3_000_000 + b"\0")})
    yield _tiff(METADATA, "a text of 3 MB", long.bytes())
    for over, under in ((0, 0), (1, 0), (0, 1), (2**32 - 1, 1), (1, 2**32 - 1)):
        dpi = ATiff(tags={282: (RATIONAL, [over, under]), 283: (RATIONAL, [over, under])})
        yield _tiff("mutation", f"resolution {over}/{under}", dpi.bytes())
    for name, profile in _profiles():
        held = ATiff(tags={34675: (UNDEFINED, profile)})
        yield _tiff(METADATA, f"ICC profile: {name}", held.bytes())


def _profiles() -> Iterator[tuple[str, bytes]]:
    head = bytearray(132)
    head[36:40], head[16:20], head[12:16], head[20:24] = b"acsp", b"GRAY", b"mntr", b"XYZ "
    struct.pack_into(">I", head, 0, len(head))
    for count in (0, 1, 1000, 2**32 - 1):
        yield f"{count} tags announced", bytes(head[:128]) + struct.pack(">I", count)
    tag = struct.pack(">4sII", b"kTRC", 128, 2**32 - 1)
    yield "a tag beyond its end", bytes(head[:128]) + struct.pack(">I", 1) + tag
    curve = b"curv" + struct.pack(">II", 0, 2**32 - 1)
    place = struct.pack(">4sII", b"kTRC", 144, len(curve))
    yield "a curve of 4 billion points", bytes(head[:128]) + struct.pack(">I", 1) + place + curve
    yield "2 MB of zeros", bytes(2_000_000)
    yield "nothing but a name", b"acsp" * 40


def _xmp(prolog: str, text: str) -> bytes:
    start = '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF'
    space = ' xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
    dc = '<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:source>'
    return f"{prolog}{start}{space}>{dc}{text}</dc:source></rdf:Description></rdf:RDF></x:xmpmeta>".encode()


def _nested_xmp(depth: int) -> bytes:
    opened = '<a:n xmlns:a="urn:a"><rdf:Bag><rdf:li rdf:parseType="Resource">' * depth
    closed = "</rdf:li></rdf:Bag></a:n>" * depth
    return _xmp("", f"{opened}x{closed}")


def _chunk(kind: bytes, content: bytes, length: int | None = None) -> bytes:
    stated = len(content) if length is None else length
    return (
        struct.pack(">I", stated) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
    )


def _png_of(*chunks: bytes, size: tuple[int, int] = (8, 8), pixels: bytes | None = None) -> bytes:
    width, height = size
    packed = zlib.compress(bytes(9 * 8)) if pixels is None else pixels
    head = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    body = _chunk(b"IDAT", packed) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + body


def _pngs() -> Iterator[Hostile]:
    def png(kind: str, name: str, content: bytes) -> Hostile:
        return Hostile(kind, f"PNG, {name}", content, "page.png")

    for size in ((60_000, 60_000), (2**31 - 1, 2**31 - 1), (2**32 - 1, 1), (1, 2**31), (0, 8)):
        yield png(TOO_LARGE, f"{size[0]} x {size[1]}", _png_of(size=size))
    bomb = zlib.compress(bytes(PACKED_BYTES), 9)
    yield png(METADATA, "iCCP bomb", _png_of(_chunk(b"iCCP", b"p\0\0" + bomb)))
    yield png(METADATA, "zTXt bomb", _png_of(_chunk(b"zTXt", b"Comment\0\0" + bomb)))
    yield png(
        METADATA, "iTXt bomb", _png_of(_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + bomb))
    )
    yield png(METADATA, "three zTXt bombs", _png_of(*[_chunk(b"zTXt", b"C\0\0" + bomb)] * 3))
    yield png(METADATA, "10,000 texts", _png_of(*[_chunk(b"tEXt", b"k\0v")] * 10_000))
    yield png(BOMB, "pixels that unpack to 32 MB", _png_of(pixels=bomb))
    yield png(BOMB, "pixels that are no deflate", _png_of(pixels=b"no deflate at all"))
    yield png(METADATA, "a chunk longer than the file", _png_of(_chunk(b"tEXt", b"x", 2**31 - 1)))
    yield png(
        BOMB, "two headers", _png_of(_chunk(b"IHDR", struct.pack(">IIBBBBB", 9, 9, 8, 0, 0, 0, 0)))
    )
    loop = b"II*\0\x08\0\0\0\x01\0\x69\x87\x04\0\x01\0\0\0\x08\0\0\0\0\0\0\0"
    yield png(METADATA, "Exif that points to itself", _png_of(_chunk(b"eXIf", loop)))
    acTL = _chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0))
    yield png(BOMB, "an animation of 2 billion frames", _png_of(acTL))


def _jpegs() -> Iterator[Hostile]:
    def jpeg(kind: str, name: str, content: bytes) -> Hostile:
        return Hostile(kind, f"JPEG, {name}", content, "page.jpg")

    sound = scene(32, 24).jpegsave_buffer(strip=True)
    frame = sound.find(b"\xff\xc0")
    for width, height in ((65_500, 65_500), (65_535, 1), (1, 65_535), (0, 24), (32, 0)):
        sized = bytearray(sound)
        struct.pack_into(">HH", sized, frame + 5, height, width)
        yield jpeg(TOO_LARGE if width == height else BOMB, f"{width} x {height}", bytes(sized))
    for components in (0, 2, 5, 255):
        odd = bytearray(sound)
        odd[frame + 9] = components
        yield jpeg(BOMB, f"{components} components", bytes(odd))

    def with_segments(*segments: bytes) -> bytes:
        return sound[:2] + b"".join(segments) + sound[2:]

    def segment(marker: int, body: bytes) -> bytes:
        return bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body

    full_of_ends = segment(0xFE, b"\xff\xd9" * 32_000)
    yield jpeg(METADATA, "comments full of ends", with_segments(*[full_of_ends] * 20))
    yield jpeg(
        METADATA, "2,000 Exif blocks", with_segments(*[segment(0xE1, b"Exif\0\0II*\0")] * 2000)
    )
    parts = [
        segment(0xE2, b"ICC_PROFILE\0" + bytes((n, 255)) + bytes(60_000)) for n in range(1, 60)
    ]
    yield jpeg(METADATA, "an ICC profile of 3.5 MB", with_segments(*parts))
    yield jpeg(METADATA, "ICC part 0 of 0", with_segments(segment(0xE2, b"ICC_PROFILE\0\0\0x")))
    yield jpeg(METADATA, "XMP nested 400 deep", with_segments(_xmp_segment(_nested_xmp(400))))
    scans = sound[sound.find(b"\xff\xda") : -2]
    yield jpeg(BOMB, "200 scans", sound[:-2] + scans * 200 + b"\xff\xd9")
    yield jpeg(BOMB, "nothing but fill bytes", b"\xff\xd8" + b"\xff" * 1_000_000)
    yield jpeg(BOMB, "ends behind its end", sound + b"\xff\xd9" * 200_000)


def _xmp_segment(xmp: bytes) -> bytes:
    body = (b"http://ns.adobe.com/xap/1.0/\0" + xmp)[:65_000]
    return b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body


def _jpeg_2000() -> Iterator[Hostile]:
    signature = bytes.fromhex("0000000c6a5020200d0a870a") + b"\0\0\0\x14ftypjp2 \0\0\0\0jp2 "
    size = struct.pack(">HHHIIIIIIIIH", 0xFF51, 41, 0, *[2**31] * 2, 0, 0, *[2**31] * 2, 0, 0, 1)
    stream = b"\xff\x4f" + size + b"\x07\x01\x01"
    yield Hostile(
        "no image", "JP2 with one tile of 2 billion pixels", signature + stream, "page.jp2"
    )
    yield Hostile("no image", "J2K with one tile of 2 billion pixels", stream, "page.j2k")
