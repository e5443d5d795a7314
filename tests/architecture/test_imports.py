"""Imports point one way: schemas ← processors ← streams, schemas ← infra ← streams."""

import ast
from pathlib import Path

import pytest

ALLOWED = {
    "schemas": {"schemas"},
    "processors": {"schemas", "processors"},
    "infra": {"schemas", "infra"},
    "streams": {"schemas", "processors", "infra", "streams"},
}
FORBIDDEN_IN_PROCESSORS = {
    "asyncio",
    "aiokafka",
    "confluent_kafka",
    "faust",
    "psycopg",
    "socket",
    "time",
}


def imports(path: Path) -> list[tuple[int, str]]:
    """Line and top-level name of each import in a file."""
    found = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name.split(".")[0]) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.append((node.lineno, node.module.split(".")[0]))
    return found


@pytest.mark.parametrize("package", sorted(ALLOWED))
def test_imports_point_one_way(package: str):
    offending = [
        f"{path}:{line} imports {name}"
        for path in sorted(Path(package).rglob("*.py"))
        for line, name in imports(path)
        if name in ALLOWED and name not in ALLOWED[package]
    ]

    assert offending == []


def test_processors_see_no_kafka_no_database_no_clock():
    offending = [
        f"{path}:{line} imports {name}"
        for path in sorted(Path("processors").rglob("*.py"))
        for line, name in imports(path)
        if name in FORBIDDEN_IN_PROCESSORS
    ]

    assert offending == []
