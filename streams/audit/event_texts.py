"""The free texts of persons to which events refer, for the commands that show events."""

from collections.abc import Iterable, Mapping
from typing import Any

from streams.audit.timeline import Row
from streams.free_texts import Connection, StoredText, find, written_out
from streams.text_references import PREFIX, REFERENCE

Texts = Mapping[str, StoredText]
"""Stored texts by their reference."""


def texts_of(connection: Connection, rows: Iterable[Row]) -> Texts:
    """The texts to which the details of these events refer, as far as they are stored."""
    return find(connection, (row["detail"] for row in rows))


def documents_of(row: Row, texts: Texts) -> list[dict[str, Any]]:
    """The texts of one event for its JSON document."""
    found = dict.fromkeys(REFERENCE.findall(row["detail"]))
    return [texts[PREFIX + one].document() for one in found if PREFIX + one in texts]


def for_people(events: Iterable[Row], texts: Texts) -> list[dict[str, Any]]:
    """The events with the texts written out in their details."""
    return [{**event, "detail": written_out(event["detail"], texts)} for event in events]


def changed_texts(rows: Iterable[Row], texts: Texts) -> dict[int, str]:
    """By seq, the events that refer to a text that is not the one whose digest was sealed."""
    changed = [one.reference for one in texts.values() if one.changed]
    return {
        row["seq"]: f"has the digest of another text: {reference}"
        for row in rows
        for reference in changed
        if reference in row["detail"]
    }
