"""Makes the sample images, each named for what is wrong with it: python tests/data/make.py."""

import struct
import zlib
from pathlib import Path

import pyvips

HERE = Path(__file__).parent / "images"
PER_MM = 300 / 25.4
ROTATED_RIGHT = 6


def scene(width: int = 96, height: int = 64) -> pyvips.Image:
    """A small coloured image in which neighbouring pixels differ, the same every time."""
    x, y = (pyvips.Image.xyz(width, height)[band] for band in (0, 1))
    bands = [(x * 7 + y * 3) % 256, (x * x + y * 11) % 256, (x * y + 40) % 256]
    image = bands[0].bandjoin(bands[1:]).cast("uchar").copy(interpretation="srgb")
    return image.copy(xres=PER_MM, yres=PER_MM)


def printed_lines() -> pyvips.Image:
    """Two lines of print at 300 dpi."""
    text = pyvips.Image.text(
        "The quick brown fox jumps\nover the lazy dog.", dpi=300, font="serif 12"
    )
    page = (255 - text).embed(80, 80, text.width + 160, text.height + 160, extend="white")
    return page.copy(xres=PER_MM, yres=PER_MM, interpretation="b-w")


def cut(content: bytes, share: float) -> bytes:
    """The first part of a file."""
    return content[: int(len(content) * share)]


def zeroed(content: bytes, length: int) -> bytes:
    """A file with a hole of zeros in its middle."""
    start = len(content) // 2
    return content[:start] + bytes(length) + content[start + length :]


def chunk(kind: bytes, body: bytes) -> bytes:
    """One PNG chunk."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def tiff(
    entries: list[tuple[int, int, int, int]], pixels: bytes = b"", following: int = 0
) -> bytes:
    """A little-endian TIFF of one directory with inline values, its pixels at byte 8."""
    head = struct.pack("<2sHI", b"II", 42, 8 + len(pixels))
    body = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return head + pixels + struct.pack("<H", len(entries)) + body + struct.pack("<I", following)


def grey_entries(bits: int, size: int) -> list[tuple[int, int, int, int]]:
    """Tags of an 8 x 8 grey image in one strip at byte 8."""
    values = {256: 8, 257: 8, 258: bits, 259: 1, 262: 1, 273: 8, 277: 1, 278: 8, 279: size}
    return [(tag, 4, 1, value) for tag, value in sorted(values.items())]


def exif(resolution: int | None = None, orientation: int | None = None) -> bytes:
    """An Exif segment of a JPEG file."""
    entries, data = [], b""
    count = (orientation is not None) + (3 if resolution else 0)
    after = 8 + 2 + 12 * count + 4
    if orientation is not None:
        entries.append(struct.pack("<HHIHH", 274, 3, 1, orientation, 0))
    if resolution:
        data = struct.pack("<II", resolution, 1)
        entries += [struct.pack("<HHII", tag, 5, 1, after) for tag in (282, 283)]
        entries.append(struct.pack("<HHIHH", 296, 3, 1, 2, 0))
    block = struct.pack("<2sHIH", b"II", 42, 8, count) + b"".join(entries) + bytes(4) + data
    return b"\xff\xe1" + struct.pack(">H", len(block) + 8) + b"Exif\0\0" + block


def jfif(unit: int, density: int) -> bytes:
    """A JFIF segment of a JPEG file."""
    return b"\xff\xe0" + struct.pack(
        ">H5sBBBHHBB", 16, b"JFIF\0", 1, 1, unit, density, density, 0, 0
    )


def jpeg_with(*segments: bytes) -> bytes:
    """The scene as JPEG with these segments before its tables."""
    at, plain = 2, scene().jpegsave_buffer(keep="none", Q=90)
    while plain[at + 1] in (0xE0, 0xE1):
        at += 2 + struct.unpack_from(">H", plain, at + 2)[0]
    return b"\xff\xd8" + b"".join(segments) + plain[at:]


def samples() -> dict[str, bytes]:
    """Every sample by its name."""
    image = scene()
    uncompressed = image.tiffsave_buffer(keep="none")
    lzw = image.tiffsave_buffer(compression="lzw", keep="none")
    in_tiff = scene(256, 256).tiffsave_buffer(compression="jpeg", keep="none")
    png = image.pngsave_buffer(keep="none")
    jpeg = scene(256, 256).jpegsave_buffer(keep="none", Q=90)
    header = struct.pack(">IIBBBBB", 200_000, 200_000, 8, 2, 0, 0, 0)
    circle = tiff(grey_entries(8, 64), bytes(64), following=72)
    backwards = tiff(list(reversed(grey_entries(8, 64))), bytes(range(64)))
    icc = image.icc_transform("srgb", input_profile="srgb")
    return {
        "sound.tif": icc.tiffsave_buffer(compression="lzw"),
        "printed_lines.png": printed_lines().pngsave_buffer(keep="none", bitdepth=1),
        "empty.tif": b"",
        "truncated_strip.tif": truncated_strip(),
        "cut_before_its_directory.tif": cut(uncompressed, 0.5),
        "flipped_lzw.tif": lzw[:4000] + bytes(255 - byte for byte in lzw[4000:4008]) + lzw[4008:],
        "zeroed_scan_in_tiff.tif": zeroed(in_tiff, 300),
        "directory_in_a_circle.tif": circle,
        "tags_in_wrong_order.tif": backwards,
        "four_bits.tif": tiff(grey_entries(4, 32), bytes(32)),
        "twelve_bits.tif": tiff(grey_entries(12, 96), bytes(96)),
        "two_images.tif": scene(32, 64).tiffsave_buffer(page_height=32, keep="none"),
        "bitmap_named.tif": b"BM"
        + struct.pack("<IHHIIiiHHIIiiII", 58, 0, 0, 54, 40, 1, 1, 1, 24, 0, 4, 0, 0, 0, 0)
        + bytes(4),
        "zeroed_scan.jpg": zeroed(jpeg, 300),
        "cut_scan.jpg": cut(jpeg, 0.7),
        "turned.jpg": jpeg_with(exif(300, ROTATED_RIGHT)),
        "conflicting_resolution.jpg": jpeg_with(jfif(1, 72), exif(300)),
        "unit_none.jpg": jpeg_with(jfif(0, 1)),
        "per_centimetre.jpg": jpeg_with(jfif(2, 118)),
        "without_end.png": png[:-12],
        "without_resolution.png": without_chunk(png, b"pHYs"),
        "huge.png": png[:8] + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b""),
    }


def truncated_strip() -> bytes:
    """A TIFF whose directory stands first and whose last strip is cut."""
    strip = 8 + 2 + 12 * 9 + 4
    entries = [(t, k, n, strip if t == 273 else v) for t, k, n, v in grey_entries(8, 64)]
    return tiff(entries) + bytes(40)


def without_chunk(png: bytes, kind: bytes) -> bytes:
    """A PNG without its chunks of one kind."""
    at, kept = 8, [png[:8]]
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        if png[at + 4 : at + 8] != kind:
            kept.append(png[at : at + 12 + length])
        at += 12 + length
    return b"".join(kept)


def main() -> None:
    """Write every sample beside this script."""
    HERE.mkdir(exist_ok=True)
    for name, content in samples().items():
        (HERE / name).write_bytes(content)


if __name__ == "__main__":
    main()
