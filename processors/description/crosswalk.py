"""The embedded title, creator, date, rights and keywords as Dublin Core; suggestions, no more."""

from collections.abc import Iterator
from typing import Any

from processors.description.embedded import Embedded, moment
from processors.xml.writing import DC, OAI_DC, Maker, readable, serialised

CROSSWALK: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("title", ("XMP-dc:Title", "IPTC:ObjectName", "XMP-photoshop:Headline", "IPTC:Headline")),
    ("creator", ("XMP-dc:Creator", "IPTC:By-line", "IFD0:Artist")),
    ("subject", ("XMP-dc:Subject", "IPTC:Keywords", "IFD0:XPKeywords")),
    (
        "description",
        ("XMP-dc:Description", "IPTC:Caption-Abstract", "IFD0:ImageDescription"),
    ),
    ("publisher", ("XMP-dc:Publisher", "IPTC:Credit", "XMP-photoshop:Credit")),
    (
        "date",
        (
            "XMP-photoshop:DateCreated",
            "IPTC:DateCreated",
            "XMP-dc:Date",
            "ExifIFD:DateTimeOriginal",
        ),
    ),
    ("source", ("XMP-dc:Source", "XMP-photoshop:Source", "IPTC:Source")),
    (
        "rights",
        ("XMP-dc:Rights", "XMP-xmpRights:UsageTerms", "IPTC:CopyrightNotice", "IFD0:Copyright"),
    ),
)
"""Element of Dublin Core, and the tags that may fill it: XMP before IPTC before EXIF, as the
guidelines of the Metadata Working Group have it (2.0, section 2). The first that speaks counts."""
DEFAULT_LANGUAGE = "x-default"
MOST_VALUES = 100
LONGEST_VALUE = 4000

_dc = Maker(DC, {"oai_dc": OAI_DC, "dc": DC})
_oai = Maker(OAI_DC, {"oai_dc": OAI_DC, "dc": DC})


def dublin_core_of(embedded: Embedded) -> bytes | None:
    """An oai_dc:dc of what is embedded; None when nothing of it is."""
    fields = [(name, value) for name, tags in CROSSWALK for value in _values(embedded, name, tags)]
    if not fields:
        return None
    return serialised(_oai("dc", *(_dc(name, value) for name, value in fields)))


def _values(embedded: Embedded, name: str, tags: tuple[str, ...]) -> list[str]:
    for tag in tags:
        found = [_clean(text) for text in _texts(embedded.tags.get(tag))]
        if name == "date":
            found = [date for text in found if (date := moment(text))]
        # In the order given, each once.
        told = list(dict.fromkeys(text for text in found if text))[:MOST_VALUES]
        if told:
            return told
    return []


def _texts(value: Any) -> Iterator[str]:
    """Texts of a value: a list is several, a language alternative its default or its first."""
    if isinstance(value, list):
        for one in value:
            yield from _texts(one)
    elif isinstance(value, dict):
        chosen = value.get(DEFAULT_LANGUAGE) or next(iter(value.values()), None)
        yield from _texts(chosen)
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        yield str(value)


def _clean(text: str) -> str:
    return readable(" ".join(text.replace("\0", " ").split()))[:LONGEST_VALUE]
