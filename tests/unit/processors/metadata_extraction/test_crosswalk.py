"""Embedded dates and fields are mapped to Dublin Core as documented."""

from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from processors.metadata_extraction.crosswalk import CROSSWALK, XML_LANG, dublin_core_of
from processors.metadata_extraction.embedded import Embedded, embedded_of, iso_date
from tests.support.describe_builders import schema_errors

DOCS = Path("docs/metadata.md")


def dublin_core(tags: dict[str, Any]) -> list[tuple[str, str | None, str | None]]:
    """Element, text and language of each field; the document is valid."""
    document = dublin_core_of(embedded_of(tags))
    assert document is not None
    assert schema_errors(document) == []
    fields = etree.fromstring(document)
    return [(etree.QName(one).localname, one.text, one.get(XML_LANG)) for one in fields]


@pytest.mark.parametrize(
    ("embedded", "expected"),
    [
        ("2026:02:03 04:05:06", "2026-02-03T04:05:06"),
        ("2026:02:03 04:05:06.78+01:00", "2026-02-03T04:05:06+01:00"),
        ("2026-02-03T04:05Z", "2026-02-03T04:05:00Z"),
        ("2026:02:03 04:05:06+23:00", "2026-02-03T04:05:06"),
        ("2026:02:03 24:05:06", "2026-02-03"),
        ("2026:02:03", "2026-02-03"),
        ("1898:00:00", "1898"),
        ("2020:05", "2020-05"),
        ("1898", "1898"),
        ("2026:02:30", None),
        ("0000:00:00 00:00:00", None),
        ("    :  :     :  :  ", None),
        ("18980101", None),
        ("about 1898", None),
        (None, None),
    ],
)
def test_a_date_is_as_precise_as_it_is_stated_and_valid(embedded: str | None, expected: str | None):
    assert iso_date(embedded) == expected


def test_only_the_first_tag_with_a_value_is_used():
    tags = {"XMP-dc:Title": " \0 ", "IPTC:ObjectName": "second", "PNG:Title": "third"}

    assert dublin_core(tags) == [("title", "second", None)]


def test_every_language_is_listed_once_with_the_default_first():
    tags = {
        "XMP-dc:Title": "Over the waters",
        "XMP-dc:Title-de": "Über den Wassern",
        "XMP-dc:Title-en-GB": "Over the waters",
        "XMP-dc:TitleOther": "no language",
        "XMP-dc:Description-x_y": "no language either",
    }

    assert dublin_core(tags) == [
        ("title", "Over the waters", None),
        ("title", "Über den Wassern", "de"),
    ]


def test_a_title_without_default_language_is_a_title():
    assert dublin_core({"XMP-dc:Title-la": "Super aquas"}) == [("title", "Super aquas", "la")]


def test_values_are_split_in_lists_and_at_semicolons_of_exif():
    tags = {
        "IFD0:Artist": "Müller; Meyer;Müller",
        "IPTC:Keywords": ["psalter", 1984, True, "psalter", "a;b"],
    }

    assert dublin_core(tags) == [
        ("creator", "Müller", None), ("creator", "Meyer", None), ("subject", "psalter", None),
        ("subject", "1984", None), ("subject", "true", None), ("subject", "a;b", None),
    ]  # fmt: skip


def test_a_structure_is_not_text():
    assert dublin_core_of(Embedded({"XMP-dc:Title": {"nested": "x"}})) is None


def test_characters_that_xml_does_not_allow_are_replaced():
    assert dublin_core({"XMP-dc:Title": "a\x01b\ufffe"}) == [("title", "a\ufffdb\ufffd", None)]


def test_an_invalid_date_is_skipped():
    tags = {"XMP-dc:Date": ["about 1898"], "ExifIFD:DateTimeOriginal": "2026:02:03 04:05:06"}

    assert dublin_core(tags) == [("date", "2026-02-03T04:05:06", None)]


def test_binary_values_are_removed_and_large_ones_reported():
    binary = "(Binary data 12 bytes, use -b option to extract)"
    tags = {
        "IFD1:ThumbnailImage": binary,
        "XMP-xmp:Thumbnails": [{"Format": "JPEG", "Image": binary}, {"Image": binary}],
        "XMP-dc:Description": "x" * 30_000,
        "ExifTool:Warning": "Bad\0 thing",
    }

    embedded = embedded_of(tags)

    assert embedded.tags == {"XMP-xmp:Thumbnails": [{"Format": "JPEG"}]}
    assert embedded.dropped == ("XMP-dc:Description",)
    assert embedded.warnings == ("Bad thing",)


@pytest.mark.parametrize(
    "notice",
    [
        "[minor] Text/EXIF chunk(s) found after PNG IDAT (may be ignored by some readers)",
        'RawConv PreviewImage: Argument "4895 7619" isn\'t numeric in addition (+)',
        "ValueConv ISO: division by zero",
    ],
)
def test_what_exiftool_notices_is_no_damage(notice: str):
    embedded = embedded_of({"ExifTool:Warning": notice, "ExifTool:Copy1:Warning": "Bad IFD"})

    assert (embedded.notices, embedded.warnings) == ((notice,), ("Bad IFD",))


def test_the_docs_show_the_table():
    shown = [f"| {name} | {', '.join(tags)} |" for name, tags in CROSSWALK]

    assert [row for row in shown if row not in DOCS.read_text("utf-8").splitlines()] == []
