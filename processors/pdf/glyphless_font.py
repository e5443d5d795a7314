"""Makes a TrueType font of two empty glyphs, for text that is selected and not seen."""

import struct

UNITS_PER_EM = 1000
ADVANCE = 500
"""Width of each glyph; the text layer scales it to the boxes of the words."""
GLYPHS = 2
"""Glyph 0 is for missing characters; all characters use glyph 1."""
ADJUSTMENT_OFFSET = 8
HEAD_MAGIC, CHECKSUM_BASE = 0x5F0F3CF5, 0xB1B0AFBA


def glyphless_font() -> bytes:
    """The font file, with the tables that a PDF needs (ISO 32000-1, 9.9)."""
    tables = {
        b"glyf": b"\0\0\0\0",
        b"head": _head(),
        b"hhea": struct.pack(
            ">IhhhHhhhhhh8xhH", 0x10000, UNITS_PER_EM, 0, 0, ADVANCE, 0, 0, 0, 1, 0, 0, 0, GLYPHS
        ),
        b"hmtx": struct.pack(">HhHh", ADVANCE, 0, ADVANCE, 0),
        # Equal offsets: each glyph has no outline.
        b"loca": struct.pack(">HHH", 0, 0, 0),
        b"maxp": struct.pack(">IHHHHHH", 0x10000, GLYPHS, 0, 0, 0, 0, 1) + bytes(2 * 8),
    }
    font = bytearray(_assembled(tables))
    # The checksum of the table itself is that without the adjustment.
    offset = font.index(tables[b"head"]) + ADJUSTMENT_OFFSET
    struct.pack_into(">I", font, offset, (CHECKSUM_BASE - _checksum(font)) & 0xFFFFFFFF)
    return bytes(font)


def _head() -> bytes:
    # The dates are zero: the font has no time of creation.
    return struct.pack(
        ">IIIIHHqqhhhhHHhhh",
        *(0x10000, 0x10000, 0, HEAD_MAGIC, 0x0B, UNITS_PER_EM, 0, 0),
        *(0, 0, ADVANCE, UNITS_PER_EM, 0, 8, 2, 0, 0),
    )


def _assembled(tables: dict[bytes, bytes]) -> bytes:
    count = len(tables)
    power = 1 << (count.bit_length() - 1)
    directory = struct.pack(
        ">IHHHH", 0x10000, count, power * 16, power.bit_length() - 1, (count - power) * 16
    )
    offset, body = 12 + 16 * count, b""
    for tag, content in sorted(tables.items()):
        directory += tag + struct.pack(">III", _checksum(content), offset + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    return directory + body


def _checksum(content: bytes | bytearray) -> int:
    padded = content + bytes(-len(content) % 4)
    words: tuple[int, ...] = struct.unpack(f">{len(padded) // 4}I", padded)
    return sum(words) & 0xFFFFFFFF
