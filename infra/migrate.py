"""Forward-only SQL migrations, each applied once, in one transaction."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psycopg

FOLDER = Path(__file__).parent / "migrations"
INDEX_MEMORY = "SET maintenance_work_mem = '256MB'"
"""Indexes of a large table are built in fewer passes."""
LOCK = 4207849484
"""Key of the advisory lock: concurrent migrations of a database run one after the other."""


class MigrationChanged(Exception):
    """An applied migration was changed afterwards."""


@dataclass(frozen=True)
class Migration:
    """One numbered SQL file."""

    number: int
    name: str
    text: str

    @property
    def sha256(self) -> str:
        """The SHA-256 of the file."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def migrations(folder: Path = FOLDER) -> list[Migration]:
    """All migrations of a folder, by number."""
    files = sorted(folder.glob("[0-9][0-9][0-9][0-9]_*.sql"))
    found = [Migration(int(file.name[:4]), file.name, file.read_text("utf-8")) for file in files]
    if len({migration.number for migration in found}) != len(found):
        raise ValueError(f"two migrations in {folder} have the same number")
    return found


def migrate(
    dsn: str, folder: Path = FOLDER, tell: Callable[[str], None] = lambda _: None
) -> list[str]:
    """Apply the missing migrations, as the superuser; returns their names.

    `tell` gets the name of each one before it is applied to a database that has others: with many
    rows it may take minutes."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(INDEX_MEMORY)
        connection.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        connection.execute(
            "CREATE TABLE IF NOT EXISTS public.schema_migrations (number integer PRIMARY KEY,"
            " sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        rows = connection.execute("SELECT number, sha256 FROM public.schema_migrations").fetchall()
        applied: dict[int, str] = dict(rows)
        return [
            migration.name
            for migration in migrations(folder)
            if _apply(connection, migration, applied, tell)
        ]


def _apply(
    connection: psycopg.Connection,
    migration: Migration,
    applied: dict[int, str],
    tell: Callable[[str], None],
) -> bool:
    if migration.number in applied:
        if applied[migration.number] != migration.sha256:
            raise MigrationChanged(
                f"{migration.name} was changed after it was applied to this home. Put the change"
                " into a new migration, or remove the home if it holds only test data."
            )
        return False
    if applied:
        tell(migration.name)
    with connection.transaction():
        connection.execute(migration.text.encode())
        connection.execute(
            "INSERT INTO public.schema_migrations (number, sha256) VALUES (%s, %s)",
            [migration.number, migration.sha256],
        )
    return True
