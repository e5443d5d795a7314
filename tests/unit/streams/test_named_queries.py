"""Queries in .sql files, by name."""

from pathlib import Path

import pytest

from streams.named_queries import NamedQueries


def test_a_query_ends_at_the_next_name(tmp_path: Path):
    file = tmp_path / "queries.sql"
    file.write_text("-- name: one\nSELECT 1;\n\n-- name: two\nSELECT 2;\n")

    query = NamedQueries(file)

    assert query("one").as_string() == "SELECT 1"


def test_a_name_that_is_used_twice_is_refused(tmp_path: Path):
    file = tmp_path / "twice.sql"
    file.write_text("-- name: one\nSELECT 1;\n-- name: one\nSELECT 2;\n")

    with pytest.raises(ValueError, match="query name twice"):
        NamedQueries(file)
