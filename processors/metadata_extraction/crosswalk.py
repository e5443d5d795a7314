"""The embedded title, creator, date, rights and keywords as Dublin Core; suggestions, no more."""

import re
from collections.abc import Iterator

from processors.metadata_extraction.embedded import Embedded, moment, texts
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
"""Element of Dublin Core, and the tags that may fill it; the first that speaks counts.

Which tags mean the same is as the Metadata Working Group has it (guidelines 2.0). The order is our
own: XMP first, for it knows Unicode, several values and languages; then IPTC; EXIF last, for its
texts are ASCII by the book and often a device's default."""

SEVERAL = ("IFD0:Artist", "IFD0:XPAuthor", "IFD0:XPKeywords")
"""Tags that hold several values in one text, between semicolons."""
MOST_VALUES = 100
LONGEST_VALUE = 4000
LANGUAGE = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*")
XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"

_dc = Maker(DC, {"oai_dc": OAI_DC, "dc": DC})
_oai = Maker(OAI_DC, {"oai_dc": OAI_DC, "dc": DC})

Value = tuple[str, str | None]
"""A text and its language, where one is named."""


def dublin_core_of(embedded: Embedded) -> bytes | None:
    """An oai_dc:dc of what is embedded; None when nothing of it is."""
    fields = [
        _dc(name, text, attributes={XML_LANG: language})
        for name, tags in CROSSWALK
        for text, language in _values(embedded, name, tags)
    ]
    return serialised(_oai("dc", *fields)) if fields else None


def _values(embedded: Embedded, name: str, tags: tuple[str, ...]) -> list[Value]:
    for tag in tags:
        found: dict[str, str | None] = {}
        for text, language in _said(embedded, tag):
            told = moment(text) if name == "date" else _clean(text)
            if told:
                found.setdefault(told, language)  # each once, in the order given
        if found:
            return list(found.items())[:MOST_VALUES]
    return []


def _said(embedded: Embedded, tag: str) -> Iterator[Value]:
    """What a tag says: its values, or its default language and then the others."""
    for text in texts(embedded.tags.get(tag)):
        for part in text.split(";") if tag in SEVERAL else (text,):
            yield part, None
    if tag.startswith("XMP-"):
        for name in sorted(embedded.tags):
            start, _, language = name.partition(f"{tag}-")
            if not start and LANGUAGE.fullmatch(language):
                yield from ((text, language) for text in texts(embedded.tags[name]))


def _clean(text: str) -> str:
    return readable(" ".join(text.replace("\0", " ").split()))[:LONGEST_VALUE]
