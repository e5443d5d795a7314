"""What a descriptive record states: the fields that an item can take over."""

from collections.abc import Iterable
from dataclasses import dataclass

from lxml import etree

from processors.ocr import languages


@dataclass(frozen=True)
class RecordFields:
    """The statements of a record that an item can take over."""

    title: str | None = None
    languages: tuple[str, ...] = ()
    """ISO 639-2 codes as stated, or the codes of what was stated in another form."""
    script: str | None = None
    identifiers: tuple[tuple[str, str], ...] = ()
    """Type and value of each."""
    unknown_languages: tuple[str, ...] = ()
    """Stated languages that are not a code."""
    several: bool = False
    """The document contains several records, so that none was read."""

    def completed(self, other: "RecordFields") -> "RecordFields":
        """These statements, with those of another record for what they lack."""
        return RecordFields(
            self.title or other.title,
            self.languages or other.languages,
            self.script or other.script,
            self.identifiers or other.identifiers,
            self.unknown_languages or (() if self.languages else other.unknown_languages),
            self.several or other.several,
        )


def stated(
    title: str | None,
    stated_languages: Iterable[str],
    identifiers: Iterable[tuple[str, str]] = (),
    script: str | None = None,
) -> RecordFields:
    """Statements as fields: languages as codes, without duplicates and empty texts."""
    known: list[str] = []
    unknown: list[str] = []
    for text in dict.fromkeys(plain(one) for one in stated_languages):
        code = languages.from_record(text)
        if code and code != languages.UNDETERMINED:
            known.append(code)
            script = script or languages.script_in(text)
        elif text and code is None:
            unknown.append(text)
    pairs = ((plain(kind) or "identifier", plain(value)) for kind, value in identifiers)
    return RecordFields(
        title=plain(title or "") or None,
        languages=tuple(dict.fromkeys(known)),
        script=script if script and languages.known_script(script) else None,
        identifiers=tuple(dict.fromkeys((kind, value) for kind, value in pairs if value)),
        unknown_languages=tuple(unknown),
    )


def text_of(element: etree._Element | None) -> str:
    """The text of an element with its children, without surplus spaces."""
    return "" if element is None else plain("".join(map(str, element.itertext())))


def plain(text: str) -> str:
    """A text without surplus spaces."""
    return " ".join(text.split())
