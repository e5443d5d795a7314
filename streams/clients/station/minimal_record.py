"""The minimal record that a station writes for an item without a descriptive record."""

from collections.abc import Iterator
from typing import Any
from xml.sax.saxutils import escape

from processors.ocr.languages import UNDETERMINED

MARK = "Minimal record made by copystand station from {origin}; {reason}."
NO_RECORD = "no record was delivered"
OTHER_FORM = "the delivered records are in another form"


def station_record(item: dict[str, Any], origin: str, reason: str = NO_RECORD) -> bytes:
    """An oai_dc:dc with the fields of an item; its description says that the station made it."""
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<oai_dc:dc xmlns:oai_dc="http://www.openarchives.org/OAI/2.0/oai_dc/"'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/">',
        *(
            f"  <dc:{name}>{escape(value)}</dc:{name}>"
            for name, value in _elements(item, origin, reason)
        ),
        "</oai_dc:dc>",
        "",
    ]
    return "\n".join(lines).encode("utf-8", "replace")


def _elements(item: dict[str, Any], origin: str, reason: str) -> Iterator[tuple[str, str]]:
    """Elements of the fields that have the right type; pre-flight reports the others."""
    if isinstance(item.get("title"), str):
        yield "title", item["title"]
    for one in _list(item.get("identifiers")):
        if isinstance(one, dict) and isinstance(one.get("value"), str):
            yield "identifier", one["value"]
    yield "description", MARK.format(origin=origin, reason=reason)
    for code in _list(item.get("languages")) or [UNDETERMINED]:
        if isinstance(code, str):
            yield "language", code
    rights = item.get("rights")
    for name in ("uri", "note"):
        if isinstance(rights, dict) and isinstance(rights.get(name), str):
            yield "rights", rights[name]


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
