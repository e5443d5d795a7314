"""The tracker's queries, by name (queries.sql)."""

from pathlib import Path

from streams.named_queries import NamedQueries

query = NamedQueries(Path(__file__).with_name("queries.sql"))
