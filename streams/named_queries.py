"""Named queries: in a `.sql` file, `-- name: x` starts a query and the next name ends it."""

import re
from pathlib import Path

from psycopg.sql import SQL

NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


class NamedQueries:
    """The queries of one file, by name. Values are passed as parameters, never in the text."""

    def __init__(self, file: Path) -> None:
        """Read a file. Raises ValueError when it has a name twice."""
        parts = NAME.split(file.read_text("utf-8"))[1:]
        names, texts = parts[::2], parts[1::2]
        if len(set(names)) != len(names):
            raise ValueError(f"{file} has a query name twice")
        self._queries = {
            name: SQL(text.strip().rstrip(";"))  # type: ignore[arg-type]  # committed text
            for name, text in zip(names, texts, strict=True)
        }

    def __call__(self, name: str) -> SQL:
        """The query of this name. Raises KeyError."""
        return self._queries[name]

    def text(self, name: str) -> str:
        """The text of the query of this name, for SQLite. Raises KeyError."""
        return self._queries[name].as_string(None)
