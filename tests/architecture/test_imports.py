"""Imports point one way: schemas ← processors ← streams, schemas ← infra ← streams, and no module
or folder imports itself through others. All of it is read from the imports."""

import ast
import shutil
from pathlib import Path

import pytest

from tests.support.import_graph import PACKAGES, by_folder, circles, import_graph, upward

ROOT = Path(__file__).parents[2]
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


@pytest.fixture
def copied_packages(tmp_path: Path) -> Path:
    """A copy of the packages' source, into which a test may plant an import."""
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            target = tmp_path / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    return tmp_path


def test_packages_import_one_way():
    offending = [
        f"{module} imports {one}"
        for module, imported in sorted(import_graph(ROOT).items())
        for one in sorted(imported)
        if one.split(".")[0] not in ALLOWED[module.split(".")[0]]
    ]

    assert offending == []


def test_no_modules_and_no_folders_import_each_other():
    graph = import_graph(ROOT)

    assert circles(graph) == []
    assert circles(by_folder(graph)) == []
    assert upward(graph) == []


def test_a_planted_circle_is_found(copied_packages: Path):
    module = copied_packages / "streams" / "kafka" / "offset_tracker.py"
    module.write_text("from streams.kafka import consumer\n" + module.read_text("utf-8"))

    found = circles(import_graph(copied_packages))

    assert found == [["streams.kafka.consumer", "streams.kafka.offset_tracker"]]


def test_a_planted_upward_import_is_found_even_inside_a_function(copied_packages: Path):
    module = copied_packages / "streams" / "kafka" / "client.py"
    late = "\n\ndef late() -> object:\n    from streams.worker import pool\n\n    return pool\n"
    module.write_text(module.read_text("utf-8") + late)

    assert "streams.kafka.client imports streams.worker.pool" in upward(
        import_graph(copied_packages)
    )


def test_a_planted_import_across_packages_is_found(copied_packages: Path):
    module = copied_packages / "infra" / "paths.py"
    module.write_text("import processors.outcome\n" + module.read_text("utf-8"))

    assert "processors.outcome" in import_graph(copied_packages)["infra.paths"]


def test_processors_see_no_kafka_no_database_no_clock():
    offending = [
        f"{path}:{node.lineno}"
        for path in sorted((ROOT / "processors").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        and FORBIDDEN_IN_PROCESSORS & set(_top_level_names(node))
    ]

    assert offending == []


def _top_level_names(node: ast.Import | ast.ImportFrom) -> list[str]:
    names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module]
    return [name.split(".")[0] for name in names if name]
