"""Named queries: in a `.sql` file, `-- name: x` starts a query and the next name ends it."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the sealer, which uses SQLite alone, does not load psycopg
    from psycopg.sql import SQL

NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


def query_texts(file: Path) -> dict[str, str]:
    """The queries of one file by name, as text. Raises ValueError when it has a name twice."""
    parts = NAME.split(file.read_text("utf-8"))[1:]
    names, texts = parts[::2], parts[1::2]
    if len(set(names)) != len(names):
        raise ValueError(f"{file} has a query name twice")
    return {name: text.strip().rstrip(";") for name, text in zip(names, texts, strict=True)}


class NamedQueries:
    """The PostgreSQL queries of one file, by name. Values are passed as parameters."""

    def __init__(self, file: Path) -> None:
        """Read a file. Raises ValueError when it has a name twice."""
        from psycopg.sql import SQL

        self._queries = {
            name: SQL(text)  # type: ignore[arg-type]  # committed text
            for name, text in query_texts(file).items()
        }

    def __call__(self, name: str) -> "SQL":
        """The query of this name. Raises KeyError."""
        return self._queries[name]

    def text(self, name: str) -> str:
        """The text of the query of this name, for SQLite. Raises KeyError."""
        return self._queries[name].as_string(None)
