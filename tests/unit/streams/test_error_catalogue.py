"""Error codes can be explained."""

import ast
from collections.abc import Iterator
from pathlib import Path

from click.testing import CliRunner

from processors.error_catalogue import entries
from streams import error_catalogue
from streams.cli.explain import explain
from streams.error_catalogue import sections_of

ROOT = Path(__file__).parents[3]
TAKES_CODE = {"Rejected", "finding", "Diagnostic", "Act"}

TEXT = """# Pages

## page.one
First line.

**What to do:** this.

## page.two
Second.

# Batches

## batch.three
Third.
"""


def test_cuts_the_document_into_sections_by_code() -> None:
    found = sections_of(TEXT)

    assert list(found) == ["page.one", "page.two", "batch.three"]
    assert found["page.one"] == "First line.\n\n**What to do:** this."
    assert found["page.two"] == "Second."


def test_explains_a_code(monkeypatch) -> None:
    monkeypatch.setattr("streams.cli.explain.sections", lambda: sections_of(TEXT))

    result = CliRunner().invoke(explain, ["page.one"])

    assert result.exit_code == 0
    assert "What to do" in result.output


def test_an_unknown_code_is_wrong_usage_and_names_what_is_near(monkeypatch) -> None:
    monkeypatch.setattr("streams.cli.explain.sections", lambda: sections_of(TEXT))

    result = CliRunner().invoke(explain, ["page.too"])

    assert result.exit_code == 2
    assert "page.two" in result.output


def test_every_section_says_what_to_do() -> None:
    silent = [
        code for code, text in error_catalogue.sections().items() if "**What to do:**" not in text
    ]

    assert silent == []


def test_every_code_that_can_be_given_has_a_section() -> None:
    given = {code for folder in ("processors", "streams") for code in _codes_in(ROOT / folder)}

    assert sorted((given | set(entries())) - set(error_catalogue.sections())) == []


def _codes_in(folder: Path) -> Iterator[str]:
    """Codes written as such where a finding is made."""
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and _name(node.func) in TAKES_CODE:
                named = [word.value for word in node.keywords if word.arg == "code"]
                for value in [*node.args[:1], *named]:
                    if isinstance(value, ast.Constant) and "." in str(value.value):
                        yield str(value.value)


def _name(function: ast.expr) -> str:
    return getattr(function, "id", getattr(function, "attr", ""))
