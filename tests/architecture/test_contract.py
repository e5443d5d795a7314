"""docs/contract.md names what exists, and references to it lead to a section."""

import re
from pathlib import Path

import click
import pytest

from schemas.catalogue import LANES, READY, TOPICS
from streams.cli.main import cli
from streams.console import Exit
from streams.tracker.states import CONTROL, UNKNOWN

ROOT = Path(__file__).parents[2]
CONTRACT = (ROOT / "docs" / "contract.md").read_text("utf-8")
SECTIONS = set(re.findall(r"^## (\d)\. ", CONTRACT, re.MULTILINE))
SOURCES = [
    path
    for folder in ("schemas", "processors", "streams", "infra", "docs", "tests", "bench")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in {".py", ".sql", ".toml", ".avsc"}
    # Registered schemas and applied migrations are never edited.
    and not {"registered", "migrations"} & set(path.parts)
    and path != Path(__file__)
]
REFERENCE = re.compile(r"docs/contract\.md(?: §(\d))?")
OLD_FORM = re.compile(r"\(contract[:, ]|; contract: ")


def section(number: int) -> str:
    """The text of a section."""
    return re.split(r"^## \d\. .*$", CONTRACT, flags=re.MULTILINE)[number]


def test_references_to_the_contract_lead_to_a_section():
    references = {
        f"{path.relative_to(ROOT)}: {found[0]}": found[1]
        for path in SOURCES
        for found in REFERENCE.finditer(path.read_text("utf-8"))
    }

    assert {where for where, number in references.items() if number not in SECTIONS} == set()
    assert len(references) > 10


@pytest.mark.parametrize("suffix", [".py", ".sql", ".toml", ".avsc"])
def test_no_reference_has_the_old_form(suffix: str):
    texts = {path: path.read_text("utf-8") for path in SOURCES if path.suffix == suffix}

    assert [
        str(path.relative_to(ROOT)) for path, text in texts.items() if OLD_FORM.search(text)
    ] == []


def test_names_every_topic():
    shown = section(4)
    names = {
        re.sub(r"^digitization\.(?!audit)(.*?)\.v1$", r"\1", topic.name)
        for topic in TOPICS
        if not any(topic.name.endswith(f".redone.{lane}.v1") for lane in LANES)
    }

    assert {
        name for name in {*names, READY.name, "work.redone.<lane>"} if f"`{name}" not in shown
    } == set()


def test_names_every_state_of_a_batch():
    states = re.search(r"^\| batch \| (.*) \|$", section(5), re.MULTILINE)

    assert states
    assert set(re.findall(r"(\w+)(?: \([^)]*\))?(?:, |$)", states[1])) == set(CONTROL) - {UNKNOWN}


def test_names_every_command_and_exit_code():
    context = click.Context(cli)
    shown = section(8)

    # `diagnose` is for administrators; its output may change.
    commands = set(cli.list_commands(context)) - {"diagnose"}
    assert {name for name in commands if not re.search(rf"`{name}\b", shown)} == set()
    assert {int(code) for code in re.findall(r"^\| (\d) \|", shown, re.MULTILINE)} == {
        *map(int, Exit)
    }
