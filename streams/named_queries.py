"""Named queries: `-- name: x` in queries.sql starts a query, the next name ends it."""

import re
from functools import cache
from pathlib import Path

from psycopg.sql import SQL

FILE = Path(__file__).with_name("queries.sql")
NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


@cache
def queries(file: Path = FILE) -> dict[str, str]:
    """All queries of a file by name. Raises ValueError when a name stands there twice."""
    parts = NAME.split(file.read_text("utf-8"))[1:]
    names, texts = parts[::2], parts[1::2]
    if len(set(names)) != len(names):
        raise ValueError(f"{file} has a query name twice")
    return {name: text.strip().rstrip(";") for name, text in zip(names, texts, strict=True)}


@cache
def query(name: str) -> SQL:
    """The query of this name. Raises KeyError."""
    # Committed text; values travel apart.
    return SQL(queries()[name])
