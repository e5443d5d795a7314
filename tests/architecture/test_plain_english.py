"""Text that a person reads has none of the words that docs/contributing/style.md lists."""

import ast
import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import click
import pytest

from streams.cli.main import cli

ROOT = Path(__file__).parents[2]
STYLE = ROOT / "docs" / "contributing" / "style.md"
PACKAGES = ("schemas", "processors", "streams", "infra")
ERRORS = ROOT / "docs" / "errors.md"
GENERATED = re.compile(r"[Gg]enerated by `python -m ")
LOG_METHODS = {"debug", "info", "warning", "error", "exception", "critical"}


class Text(NamedTuple):
    """A piece of text and where it is."""

    where: str
    text: str


def banned() -> list[str]:
    """The words of the table, in its order."""
    table = STYLE.read_text("utf-8").partition("## Words to avoid")[2]
    cells = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    return [word for cell in cells for word in re.findall(r"`([^`]+)`", cell)]


def _pattern(words: list[str]) -> re.Pattern[str]:
    """Matches a word or phrase by itself; not as a part of a code such as `profile.unfit`."""
    alternatives = (
        (r"(?<![\w-])(?<!\w\.)" if word[0].isalpha() else "")
        + re.escape(word).replace(r"\ ", r"\s+")
        + r"(?![\w-])"
        for word in words
    )
    return re.compile("|".join(alternatives), re.IGNORECASE)


BANNED = _pattern(banned())


def hits(texts: Iterator[Text]) -> list[str]:
    """Where a banned word is, and which."""
    return [f"{where}: {found[0]!r}" for where, text in texts for found in BANNED.finditer(text)]


def _lines(path: Path) -> Iterator[Text]:
    """A page in paragraphs, each with its first line, so that a phrase is found across lines."""
    first = 1
    for paragraph in path.read_text("utf-8").split("\n\n"):
        # Names in code, such as a former parameter, are not prose.
        yield Text(f"{path.relative_to(ROOT)}:{first}", re.sub(r"`[^`\n]*`", "``", paragraph))
        first += paragraph.count("\n") + 2


def readme_and_changes() -> Iterator[Text]:
    """What a visitor reads first."""
    for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "Makefile", "bench/results.md"):
        yield from _lines(ROOT / name)


def documentation() -> Iterator[Text]:
    """Pages written by hand; generated ones say what their sources say, which are looked at."""
    for path in sorted((ROOT / "docs").rglob("*.md")):
        if path not in (STYLE, ERRORS) and not GENERATED.search(path.read_text("utf-8")[:500]):
            yield from _lines(path)


def command_help() -> Iterator[Text]:
    """Help of every command, argument and option."""

    def walk(command: click.Command, path: str, parent: click.Context | None) -> Iterator[Text]:
        yield Text(path, command.help or "")
        for param in command.params:
            yield Text(f"{path} {param.opts[0]}", getattr(param, "help", None) or "")
        if isinstance(command, click.Group):
            context = click.Context(command, parent)
            for name in command.list_commands(context):
                child = command.get_command(context, name)
                assert child is not None
                yield from walk(child, f"{path} {name}", context)

    yield from walk(cli, "copystand", None)


def avro_docs() -> Iterator[Text]:
    """Doc of every record and field."""

    def walk(node: Any, where: str) -> Iterator[Text]:
        if isinstance(node, dict):
            name = f"{where} {node['name']}" if "name" in node else where
            if isinstance(node.get("doc"), str):
                yield Text(name, node["doc"])
            for value in node.values():
                yield from walk(value, name)
        elif isinstance(node, list):
            for value in node:
                yield from walk(value, where)

    for path in sorted((ROOT / "schemas" / "avro").glob("*.avsc")):
        yield from walk(json.loads(path.read_text("utf-8")), str(path.relative_to(ROOT)))


def generated_pages() -> Iterator[Text]:
    """What the generator adds, and error codes with their explanations."""
    for path in sorted((ROOT / "docs").glob("*.md")):
        if path.name != "cli.md" and GENERATED.search(path.read_text("utf-8")[:500]):
            yield from _lines(path)
    if not GENERATED.search(ERRORS.read_text("utf-8")[:500]):
        yield from _lines(ERRORS)


@cache
def _strings() -> list[tuple[Text, bool]]:
    """Texts of more than one word in the code, without docstrings; True for those of log calls.

    Details of sealed events, which name a fact's field, are kept for ever as they are."""
    found = []
    for path in (one for name in PACKAGES for one in sorted((ROOT / name).rglob("*.py"))):
        nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
        docstrings = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
        logged = {id(text) for call in nodes if _is_log(call) for text in ast.walk(call)}
        found += [
            (Text(f"{path.relative_to(ROOT)}:{node.lineno}", node.value), id(node) in logged)
            for node in nodes
            if isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and " " in node.value.strip()
            and id(node) not in docstrings
            and "{fact." not in node.value
        ]
    return found


def _is_log(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in LOG_METHODS
        and isinstance(node.func.value, ast.Name | ast.Attribute)
        and ast.unparse(node.func.value).rpartition(".")[2].strip("_") in {"log", "logger"}
    )


def log_events() -> Iterator[Text]:
    """Events of log records."""
    yield from (text for text, logged in _strings() if logged)


def messages_and_fixes() -> Iterator[Text]:
    """What commands print, what is wrong and what to do."""
    yield from (text for text, logged in _strings() if not logged)


@pytest.mark.parametrize(
    "area",
    [
        readme_and_changes,
        documentation,
        command_help,
        avro_docs,
        generated_pages,
        messages_and_fixes,
        log_events,
    ],
)
def test_a_text_has_no_banned_word(area: Callable[[], Iterator[Text]]):
    found = hits(area())

    assert not found, f"{len(found)} hits in {area.__name__}:\n" + "\n".join(found)


@pytest.mark.parametrize(
    "area", [documentation, command_help, avro_docs, messages_and_fixes, log_events]
)
def test_an_area_has_texts(area: Callable[[], Iterator[Text]]):
    assert sum(bool(text) for _, text in area()) > 20


def test_a_banned_word_is_found_in_any_case_and_across_lines():
    texts = iter([Text("a:1", "It was\nTold to let\n  go."), Text("b:2", "One page, whole.")])

    assert hits(texts) == ["a:1: 'Told'", "a:1: 'let\\n  go'", "b:2: ', whole'"]


def test_a_code_and_a_longer_word_are_no_hits():
    assert hits(iter([Text("a:1", "profile.unfit, page-list-unfit, standstill, a mender")])) == []


def test_the_list_is_read_from_the_style_page():
    assert {"stands", "told", "mend", "anew", "nought", "strangers", "the law"} <= set(banned())
