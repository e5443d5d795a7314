"""Formats are identified by their first bytes, independent of the file name."""

import pytest

from processors.imaging import format_identification


@pytest.mark.parametrize(
    ("head", "puid"),
    [
        (b"II*\0\x08\0\0\0", "fmt/353"),
        (b"MM\0*\0\0\0\x08", "fmt/353"),
        (b"II+\0\x08\0\0\0", "fmt/1917"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x00", "fmt/42"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01", "fmt/43"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x02", "fmt/44"),
        (b"\xff\xd8\xff\xe1\0\x30Exif\0\0II*\0\x00\x90\x07\x00\x04\x00\x00\x000221", "fmt/645"),
        (b"\xff\xd8\xff\xe1\0\x30Exif\0\0MM\0*\x90\x00\x00\x07\x00\x00\x00\x040220", "x-fmt/391"),
        (b"\xff\xd8\xff\xdb\0\x43", "fmt/41"),
        (b"\x89PNG\r\n\x1a\n....IHDR", "fmt/11"),
        (b"\x89PNG\r\n\x1a\n....IHDR....sRGB", "fmt/12"),
        (b"\x89PNG\r\n\x1a\n....IHDR....iTXt", "fmt/13"),
        (b"GIF89a", "fmt/4"),
        (b"\0\0\0\x0cjP  \r\n\x87\n\0\0\0\x14ftypjp2 ", "x-fmt/392"),
        (b"\0\0\0\x0cjP  \r\n\x87\n\0\0\0\x14ftypjpx ", "fmt/151"),
        (b"\0\0\0\x0cjP  \r\n\x87\n\0\0\0\x14ftypjpm ", "fmt/463"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "fmt/566"),
        (b"RIFF\x10\0\0\0WEBPVP8L", "fmt/567"),
        (b"RIFF\x10\0\0\0WEBPVP8X", "fmt/568"),
        (b"\xff\xd8\xff\xf7\0\x0b", "fmt/150"),
        (b"\0\0\0\x18ftypheic", "fmt/1101"),
        (b"II*\0\x10\0\0\0CR\x02\0", "fmt/592"),
        (b"II*\0\x10\0\0\0IIIICwaR", "fmt/1061"),
        (b"EP*\0\x26\0\0\0", "fmt/881"),
        (b"II\xbc\x01\x20\0\0\0", "fmt/590"),
        (b"8BPS\0\x01", "x-fmt/92"),
        (b"P5\n2 2\n255\n", "fmt/406"),
    ],
)
def test_formats_have_the_identifiers_of_pronom(head: bytes, puid: str):
    format_ = format_identification.identify(head)

    assert format_ is not None
    assert format_.puid == puid
    assert format_.is_image


def test_a_format_states_whether_it_is_an_image():
    pdf = format_identification.identify(b"%PDF-1.7\n")
    newer = format_identification.identify(b"%PDF-2.1\n")
    xml = format_identification.identify(b'<?xml version="1.0"?><mods/>')

    assert pdf is not None and not pdf.is_image
    assert (pdf.puid, pdf.version) == ("fmt/276", "1.7")
    assert newer is not None and newer.puid is None
    assert xml is not None and not xml.is_image


def test_a_text_is_not_identified_as_a_bitmap():
    assert format_identification.identify(b"BMW drives past the library every morning") is None


def test_an_empty_file_has_no_format():
    assert format_identification.identify(b"") is None


def test_names_a_page_as_in_its_package():
    assert format_identification.packaged_name("ms-1", "0002", "image/tiff") == "ms-1_0002.tif"


def test_identifies_jpeg_2000_with_a_damaged_signature():
    format_ = format_identification.identify(b"\0\0\0\x0cjP  \r\n\x87\x0b\0\0\0\x14ftypjp2 ")

    assert format_ is not None
    assert format_.name == "JPEG 2000 with a damaged signature"
