"""Forward-only SQL migrations, each applied once and in one transaction."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import psycopg

FOLDER = Path(__file__).parent / "migrations"
# Any constant: two migrations of one database wait for each other.
LOCK = 4207849484


class MigrationChanged(Exception):
    """A migration that has been applied reads otherwise now."""


@dataclass(frozen=True)
class Migration:
    """One numbered SQL file."""

    number: int
    name: str
    text: str

    @property
    def sha256(self) -> str:
        """Digest of the file as applied."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def migrations(folder: Path = FOLDER) -> list[Migration]:
    """All migrations of a folder, in the order of their numbers."""
    files = sorted(folder.glob("[0-9][0-9][0-9][0-9]_*.sql"))
    found = [Migration(int(file.name[:4]), file.name, file.read_text("utf-8")) for file in files]
    if len({one.number for one in found}) != len(found):
        raise ValueError(f"two migrations in {folder} have the same number")
    return found


def migrate(dsn: str, folder: Path = FOLDER) -> list[str]:
    """Apply what is missing, as the superuser; gives the names of what was applied."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        connection.execute(
            "CREATE TABLE IF NOT EXISTS public.schema_migrations (number integer PRIMARY KEY,"
            " sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        rows = connection.execute("SELECT number, sha256 FROM public.schema_migrations").fetchall()
        applied: dict[int, str] = dict(rows)
        return [one.name for one in migrations(folder) if _apply(connection, one, applied)]


def _apply(connection: psycopg.Connection, one: Migration, applied: dict[int, str]) -> bool:
    if one.number in applied:
        if applied[one.number] != one.sha256:
            raise MigrationChanged(
                f"{one.name} was changed after it had been applied to this home. Put the change"
                " into a new migration; for a throw-away home, remove the home."
            )
        return False
    with connection.transaction():
        connection.execute(one.text.encode())
        connection.execute(
            "INSERT INTO public.schema_migrations (number, sha256) VALUES (%s, %s)",
            [one.number, one.sha256],
        )
    return True
