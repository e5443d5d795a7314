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


class NameTaken(Exception):
    """A pseudonym has or had the name of another person."""


@dataclass(frozen=True)
class Person:
    """A person and their pseudonym."""

    pseudonym: str
    name: str | None
    """None if it was deleted or never stored."""
    added_at: datetime | None
    state: str
    """registered or retired; named if only facts name the pseudonym, or it only has a name."""
    senders: list[str] | None
    """The senders that may name the pseudonym; None: any."""

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


def claim(dsn: str, pseudonym: str, name: str) -> bool:
    """Store the name for a given pseudonym; whether it is new. Raises NameTaken."""
    with psycopg.connect(dsn, connect_timeout=CONNECT_SECONDS) as connection:
        values = {"pseudonym": pseudonym, "name": name}
        row = connection.execute(query("claim"), values).fetchone()
    if row is None:
        raise NameTaken(f"{pseudonym} is the pseudonym of another person")
    return bool(row[0])


def all_persons(dsn: str) -> list[Person]:
    """All persons with a name and all registered ones, in the order in which they were added."""
    with psycopg.connect(
        dsn, connect_timeout=CONNECT_SECONDS, row_factory=class_row(Person)
    ) as connection:
        return connection.execute(query("all")).fetchall()


def delete_name(dsn: str, pseudonym: str) -> bool:
    """Delete a name; its pseudonym stays in the log and is never used again."""
    return _changes(dsn, "delete", pseudonym)


def remove(dsn: str, pseudonym: str) -> bool:
    """Remove a name whose pseudonym was not registered after all."""
    return _changes(dsn, "remove", pseudonym)


def _changes(dsn: str, name: str, pseudonym: str) -> bool:
    with psycopg.connect(dsn, connect_timeout=CONNECT_SECONDS) as connection:
        return connection.execute(query(name), {"pseudonym": pseudonym}).rowcount == 1
