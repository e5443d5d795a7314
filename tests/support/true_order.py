"""Compares the order of an answer with the causes that the facts themselves name."""

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg

from tests.support.running_line import Line


def causes_of(line: Line) -> dict[str, str]:
    """By event_id of each fact of a line, the event_id of its cause, as the tracker read both."""
    query = "SELECT event_id::text, cause_id::text FROM line.facts WHERE cause_id IS NOT NULL"
    with psycopg.connect(line.dsn()) as connection:
        return dict(connection.execute(query).fetchall())


def effects_before_causes(
    events: Sequence[Mapping[str, Any]], causes: Mapping[str, str]
) -> list[tuple[str, str]]:
    """The pairs of an effect and an earlier cause that the events have the wrong way round."""
    places: dict[str, int] = {}
    for place, event in enumerate(events):
        places.setdefault(event["cause_id"] or event["event_id"], place)
    return [
        (fact, cause)
        for fact in places
        for cause in _ancestors(fact, causes)
        if cause in places and places[cause] > places[fact]
    ]


def _ancestors(fact: str, causes: Mapping[str, str]) -> list[str]:
    found: list[str] = []
    while (cause := causes.get(fact)) and cause not in found:
        found.append(cause)
        fact = cause
    return found
