"""Pseudonyms of persons: names are in one table and can be deleted; events hold pseudonyms only."""

from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import class_row

from streams.named_queries import NamedQueries

CONNECT_SECONDS = 5
query = NamedQueries(Path(__file__).with_suffix(".sql"))


class NumbersUnknown(Exception):
    """A new database has not read from the log yet which pseudonyms were given before."""


@dataclass(frozen=True)
class Person:
    """A person and their pseudonym."""

    pseudonym: str
    name: str
    added_at: datetime

    def document(self) -> dict[str, Any]:
        """The person as one entry of a list."""
        return asdict(self)


def add(dsn: str, name: str) -> str:
    """A new pseudonym for a person; two persons may have the same name. Raises NumbersUnknown."""
    with psycopg.connect(dsn, connect_timeout=CONNECT_SECONDS) as connection:
        row = connection.execute(query("add"), {"name": name}).fetchone()
    if row is None:
        raise NumbersUnknown(
            "the tables are being rebuilt, and the numbers in use are not known yet"
        )
    return str(row[0])


def all_persons(dsn: str) -> list[Person]:
    """All persons in the order in which they were added."""
    with psycopg.connect(
        dsn, connect_timeout=CONNECT_SECONDS, row_factory=class_row(Person)
    ) as connection:
        return connection.execute(query("all")).fetchall()


def delete_name(dsn: str, pseudonym: str) -> bool:
    """Delete a name; its pseudonym stays in the log and is never used again."""
    with psycopg.connect(dsn, connect_timeout=CONNECT_SECONDS) as connection:
        return connection.execute(query("delete"), {"pseudonym": pseudonym}).rowcount == 1
