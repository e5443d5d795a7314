"""Maps embedded metadata, such as title and creator, to Dublin Core."""

import re
from collections.abc import Iterator

from processors.metadata_extraction.embedded import Embedded, iso_date, texts
from processors.xml.writing import DC, OAI_DC, Maker, readable, serialised

CROSSWALK: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "title",
        (
            "XMP-dc:Title",
            "IPTC:ObjectName",
            "XMP-photoshop:Headline",
            "IPTC:Headline",
            "IFD0:XPTitle",
            "PNG:Title",
        ),
    ),
    ("creator", ("XMP-dc:Creator", "IPTC:By-line", "IFD0:Artist", "IFD0:XPAuthor", "PNG:Author")),
    ("contributor", ("XMP-dc:Contributor",)),
    ("subject", ("XMP-dc:Subject", "IPTC:Keywords", "IFD0:XPKeywords")),
    (
        "description",
        (
            "XMP-dc:Description",
            "IPTC:Caption-Abstract",
            "IFD0:ImageDescription",
            "PNG:Description",
        ),
    ),
    ("publisher", ("XMP-dc:Publisher",)),
    (
        "date",
        (
            "XMP-photoshop:DateCreated",
            "XMP-dc:Date",
            "IPTC:DateCreated",
            "ExifIFD:DateTimeOriginal",
        ),
    ),
    ("source", ("XMP-dc:Source", "XMP-photoshop:Source", "IPTC:Source")),
    (
        "rights",
        (
            "XMP-dc:Rights",
            "XMP-xmpRights:UsageTerms",
            "XMP-xmpRights:WebStatement",
            "IPTC:CopyrightNotice",
            "IFD0:Copyright",
            "PNG:Copyright",
        ),
    ),
)
"""Elements of Dublin Core and their tags; the first tag with a value is used.

Equivalent tags follow the Metadata Working Group (guidelines 2.0). XMP comes first, because it has
Unicode, several values and languages; then IPTC; EXIF last, because its texts are ASCII by
definition and often a default of the device."""

MULTIPLE_VALUES = ("IFD0:Artist", "IFD0:XPAuthor", "IFD0:XPKeywords")
"""Tags whose text contains several values separated by semicolons."""
MAX_VALUES = 100
MAX_VALUE_LENGTH = 4000
LANGUAGE = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*")
XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"

_dc = Maker(DC, {"oai_dc": OAI_DC, "dc": DC})
_oai = Maker(OAI_DC, {"oai_dc": OAI_DC, "dc": DC})

Value = tuple[str, str | None]
"""A text and its language, if one is stated."""


def dublin_core_of(embedded: Embedded) -> bytes | None:
    """The embedded description as oai_dc:dc; None if there is none."""
    fields = [
        _dc(name, text, attributes={XML_LANG: language})
        for name, tags in CROSSWALK
        for text, language in _values(embedded, name, tags)
    ]
    return serialised(_oai("dc", *fields)) if fields else None


def _values(embedded: Embedded, name: str, tags: tuple[str, ...]) -> list[Value]:
    for tag in tags:
        found: dict[str, str | None] = {}
        for text, language in _tag_values(embedded, tag):
            value = iso_date(text) if name == "date" else _clean(text)
            if value:
                found.setdefault(value, language)  # without duplicates, in order
        if found:
            return list(found.items())[:MAX_VALUES]
    return []


def _tag_values(embedded: Embedded, tag: str) -> Iterator[Value]:
    """The values of a tag, those in the default language first."""
    for text in texts(embedded.tags.get(tag)):
        for part in text.split(";") if tag in MULTIPLE_VALUES else (text,):
            yield part, None
    if tag.startswith("XMP-"):
        for name in sorted(embedded.tags):
            start, _, language = name.partition(f"{tag}-")
            if not start and LANGUAGE.fullmatch(language):
                yield from ((text, language) for text in texts(embedded.tags[name]))


def _clean(text: str) -> str:
    return readable(" ".join(text.replace("\0", " ").split()))[:MAX_VALUE_LENGTH]
