"""The font without outlines."""

import struct

from PIL import ImageFont

from processors.pdf.glyphless_font import ADVANCE, CHECKSUM_BASE, glyphless_font


def test_the_font_file_adds_up_to_the_constant_of_the_format():
    font = glyphless_font()

    assert len(font) % 4 == 0
    assert sum(struct.unpack(f">{len(font) // 4}I", font)) & 0xFFFFFFFF == CHECKSUM_BASE


def test_every_table_is_inside_the_file():
    font = glyphless_font()
    count = struct.unpack(">H", font[4:6])[0]

    for number in range(count):
        offset, length = struct.unpack(">II", font[20 + 16 * number : 28 + 16 * number])
        assert offset + length <= len(font)


def test_freetype_reads_it_and_draws_nothing(tmp_path):
    path = tmp_path / "font.ttf"
    path.write_bytes(glyphless_font())

    font = ImageFont.truetype(str(path), 1000)

    assert font.getlength("a") == ADVANCE
    assert font.getmask("a").getbbox() is None
