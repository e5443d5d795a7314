"""Pseudonyms of persons: names stand in one deletable table, never in an event."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import class_row

ADD = "INSERT INTO people.person (name) VALUES (%s) RETURNING 'p-' || number"
LIST = "SELECT 'p-' || number AS pseudonym, name, added_at FROM people.person ORDER BY number"
FORGET = "DELETE FROM people.person WHERE 'p-' || number = %s"


@dataclass(frozen=True)
class Person:
    """A person as the table knows them."""

    pseudonym: str
    name: str
    added_at: datetime

    def document(self) -> dict[str, Any]:
        """As one entry of a listing."""
        return asdict(self)


def add(dsn: str, name: str) -> str:
    """A new pseudonym for a person; two persons may have the same name."""
    with psycopg.connect(dsn) as connection:
        row = connection.execute(ADD, [name]).fetchone()
    assert row is not None
    return str(row[0])


def known(dsn: str) -> list[Person]:
    """All persons in the order in which they were added."""
    with psycopg.connect(dsn, row_factory=class_row(Person)) as connection:
        return connection.execute(LIST).fetchall()


def forget(dsn: str, pseudonym: str) -> bool:
    """Delete a name; its pseudonym stays in the log and is never given again."""
    with psycopg.connect(dsn) as connection:
        return connection.execute(FORGET, [pseudonym]).rowcount == 1
