"""Commands with their options, make targets and paths that the documentation names exist."""

import re
import textwrap
from functools import cache
from pathlib import Path

import click
import pytest

from streams.cli.main import cli
from tests.architecture.test_a_new_step import ROW

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
PATH_NAMED = re.compile(
    r"\b((?:schemas|processors|streams|infra|tests|bench|docs)/[\w./*-]*\w(?:\.[a-z]+|/)(?=[`:;,)\s]))"
)
TO_BE_WRITTEN = {"processors/measure_page.py", "schemas/avro/page_measured.avsc"}
"""Examples: what a reader of the README writes."""
TARGET = re.compile(r"`make ([a-z]+)")


def commands_in(text: str) -> list[str]:
    """What follows `copystand` in code spans, and in lines of code blocks."""
    spans = re.findall(r"`copystand ([^`]+)`", BLOCK.sub("", text))
    lines = re.findall(r"^copystand (.+)$", "\n".join(BLOCK.findall(text)), re.MULTILINE)
    return [*spans, *lines]


def unknown_in(words: list[str]) -> str | None:
    """The first subcommand or option that does not exist."""
    command: click.Command = cli
    context = click.Context(cli)
    while isinstance(command, click.Group) and words and re.fullmatch("[a-z][a-z-]*", words[0]):
        found = command.get_command(context, words[0])
        if found is None:
            return words[0]
        command, words = found, words[1:]
    known = {name for param in command.params for name in (*param.opts, *param.secondary_opts)}
    options = (word.partition("=")[0] for word in words if word.startswith("--"))
    return next((name for name in options if name not in {*known, "--help"}), None)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_in_the_text_exist(page: Path):
    named = {text: unknown_in(text.split()) for text in commands_in(page.read_text("utf-8"))}

    assert {text: unknown for text, unknown in named.items() if unknown} == {}


def test_an_unknown_command_and_an_unknown_option_are_found():
    assert unknown_in(["packages", "sell"]) == "sell"
    assert unknown_in(["packages", "list", "--batch", "b-1", "--loud"]) == "--loud"
    assert unknown_in(["down", "--drain"]) is None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_make_targets_in_the_text_exist(page: Path):
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))

    assert set(TARGET.findall(page.read_text("utf-8"))) <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_paths_in_the_text_exist(page: Path):
    named = set(PATH_NAMED.findall(page.read_text("utf-8"))) - TO_BE_WRITTEN

    assert {path for path in named if not list(ROOT.glob(path.rstrip("/")))} == set()


def test_the_readme_shows_the_row_that_is_tested():
    assert textwrap.dedent(ROW).rstrip(",\n") in (ROOT / "README.md").read_text("utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_environment_variables_in_the_text_are_read_somewhere(page: Path):
    named = set(re.findall(r"COPYSTAND_[A-Z0-9_]+", page.read_text("utf-8")))

    assert named - variables_in_the_code() == set()


@cache
def variables_in_the_code() -> set[str]:
    """Every variable that the code names."""
    files = (path for name in ("streams", "infra") for path in (ROOT / name).rglob("*.py"))
    return {
        name for path in files for name in re.findall(r"COPYSTAND_[A-Z0-9_]+", path.read_text())
    }


def test_the_readme_says_what_is_in_every_folder():
    table = (ROOT / "README.md").read_text("utf-8").partition("## Where to find what")[2]
    folders = {
        folder.name
        for package in ("processors", "streams")
        for folder in (ROOT / package).iterdir()
        if folder.is_dir() and not folder.name.startswith("__")
    }

    assert {name for name in folders if f"{name}/`" not in table} == set()
