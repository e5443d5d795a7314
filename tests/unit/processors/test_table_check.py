"""`make schemas` reports a fact without topic or row, and a row that is incomplete."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from processors import pipeline, table_check
from processors.step import OtherFact, PackageFile, Row
from schemas.models import PageDerived

ROOT = Path(__file__).parents[3]
DERIVED = ROOT / "schemas" / "avro" / "page_derived.avsc"
ROW = next(step for step in pipeline.STEPS if step.name == "derive_page")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what `make schemas` works on."""
    copy = tmp_path_factory.mktemp("tree")
    for name in ("schemas", "processors", "Makefile", "pyproject.toml"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy / name)
    return copy


def make_schemas(tree: Path, **changes: Any) -> "subprocess.CompletedProcess[str]":
    """`make schemas` in a tree where PageMeasured is PageDerived with these changes."""
    planted = {**json.loads(DERIVED.read_text("utf-8")), "name": "PageMeasured", **changes}
    document = {name: value for name, value in planted.items() if value is not None}
    (tree / "schemas" / "avro" / "page_measured.avsc").write_text(json.dumps(document), "utf-8")
    command = ["make", "-s", "-o", "install", "schemas", f"PYTHON={sys.executable}"]
    return subprocess.run(command, cwd=tree, capture_output=True, text=True)


def test_a_schema_without_a_row_is_refused_and_the_row_is_asked_for(tree: Path) -> None:
    made = make_schemas(tree)

    assert made.returncode != 0
    assert "PageMeasured has a schema and no row: add a Step that gives it" in made.stderr
    assert "processors/pipeline.py" in made.stderr


def test_a_schema_without_a_topic_is_refused_and_the_topic_is_asked_for(tree: Path) -> None:
    made = make_schemas(tree, topic=None)

    assert made.returncode != 0
    assert 'PageMeasured: add "topic": {"key": ...} to its schema' in made.stderr


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"topic": {"key": "colour"}}, "with one of batch_id, item_id, page_id"),
        ({"topic": {"key": "package_id"}}, "so it needs that field"),
        ({"name": "Measured"}, "a noun and a participle"),
        ({"fields": json.loads(DERIVED.read_text("utf-8"))["fields"][:1]}, "acts, files"),
    ],
)
def test_a_fact_that_can_have_no_topic_is_refused(
    tree: Path, changes: dict[str, Any], said: str
) -> None:
    made = make_schemas(tree, **changes)

    assert made.returncode != 0
    assert said in made.stderr


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (replace(ROW, detail=""), "derive_page: its row has no `detail`"),
        (replace(ROW, detail="{fact.words} words"), "{fact.words}, which PageDerived does not"),
        (replace(ROW, premis="creatoin"), "no vocabulary has the event type 'creatoin'"),
        (replace(ROW, lane="derivates"), "no lane is called 'derivates'"),
        (replace(ROW, work="derive_pge"), "there is no processors/derive_pge.py"),
        (replace(ROW, packages=(PackageFile("x", "access", "X"),)), "begins with data/"),
        (replace(ROW, packages=(PackageFile("master", "data/x", "X"),)), "the use master has 2"),
        (OtherFact(PageDerived), "PageDerived is written by nobody"),
    ],
)
def test_reports_a_row_that_is_incomplete(
    monkeypatch: pytest.MonkeyPatch, row: Row, said: str
) -> None:
    table = tuple(row if one is ROW else one for one in pipeline.TABLE)
    monkeypatch.setattr(table_check, "TABLE", table)
    kinds = {"STEPS": type(ROW), "OTHER_FACTS": OtherFact}
    for name, kind in kinds.items():
        monkeypatch.setattr(table_check, name, tuple(x for x in table if isinstance(x, kind)))

    assert any(said in error for error in table_check.table_errors()), table_check.table_errors()
