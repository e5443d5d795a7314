"""Output of the commands: text is never markup, and a table fits the width of the terminal."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from streams.cli.listings import show_row
from streams.console import Exit, blocks, drawn, fail, out, table, text_column, words

NAME = "scan [recto] [/].tif"
LONG_ID = "a-batch-id-with-forty-characters-of-text"
COLUMNS = ["batch_id", "state", "registered", "packaged", "quarantined", "cancelled", "in_flight"]


def a_row(batch_id: str) -> dict[str, Any]:
    counts = dict.fromkeys(COLUMNS[2:], 12000)
    return {"batch_id": batch_id, "state": "quarantined"} | counts


def lines(rows: list[dict[str, Any]], columns: list[str]) -> list[str]:
    with out.capture() as captured:
        out.print(drawn(rows, columns))
    return [line.strip() for line in captured.get().splitlines() if line.strip(" ─")]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sets the width of stdout."""
    return lambda width: monkeypatch.setattr(out, "width", width)


def test_a_row_shows_brackets(capsys: pytest.CaptureFixture[str]) -> None:
    show_row({"where": NAME}, as_json=False)

    assert capsys.readouterr().out == f"where {NAME}\n"


def test_a_failure_shows_brackets(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        fail(Exit.USAGE, NAME, f"Rename {NAME}")

    assert ended.value.code == 2
    assert capsys.readouterr().err == f"copystand: {NAME}\n  Rename {NAME}\n"


def test_a_table_that_fits_has_one_line_for_each_row(terminal) -> None:
    terminal(120)

    heading, *rows = lines([a_row(LONG_ID), a_row("b-1")], COLUMNS)

    assert heading.split() == COLUMNS
    assert rows[0].split() == [LONG_ID, "quarantined", *["12,000"] * 5]
    assert len(rows) == 2


def test_80_columns_break_neither_a_heading_nor_an_id_of_40_characters(terminal) -> None:
    terminal(80)

    shown = lines([a_row(LONG_ID), a_row("b-1")], COLUMNS)

    figures = ["quarantined", *["12,000"] * 5]
    assert [line.split() for line in shown] == [
        ["batch_id"], COLUMNS[1:], [LONG_ID], figures, ["b-1"], figures,
    ]  # fmt: skip


def test_a_table_with_two_long_ids_has_one_line_for_each_value(terminal) -> None:
    terminal(80)
    row = {"package_id": f"{LONG_ID}.v1", "batch_id": LONG_ID, "state": "x" * 45}

    shown = lines([row], list(row))

    assert [line.split() for line in shown] == [
        [f"{LONG_ID}.v1"], ["batch_id", LONG_ID], ["state", "x" * 45],
    ]  # fmt: skip


def test_a_sentence_is_wrapped_before_headings_are_broken(terminal) -> None:
    terminal(60)

    heading, *_ = lines([{"part": "java", "fix": "Install it. " * 20}], ["part", "fix"])

    assert heading.split() == ["part", "fix"]


EVIL = "a\x1b[2J\x07[red]\u202eb\nc\udcff"
ESCAPED = r"a\x1b[2J\x07[red]\u202eb\nc\udcff"


def test_each_way_to_print_escapes_a_text_and_shows_markup(capsys: pytest.CaptureFixture[str]):
    row = {"batch_id": EVIL, "state": EVIL}
    ways: list[Callable[[], None]] = [
        lambda: out.print(EVIL, soft_wrap=True),
        lambda: out.print(words((EVIL, "bold"), "."), soft_wrap=True),
        lambda: out.print(Text(EVIL, "red")),
        lambda: out.print(Table.grid(EVIL)),
        lambda: blocks([row], ["batch_id"], ["state"]),
        lambda: table([row], ["batch_id", "state"]),
        lambda: show_row(row, as_json=False),
        lambda: show_row(row, as_json=True),
    ]
    for way in ways:
        way()

        printed = capsys.readouterr().out
        assert printed.replace("\n", "").isprintable(), printed
    assert json.loads(printed) == row


def test_a_text_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    out.print(EVIL, soft_wrap=True)

    assert capsys.readouterr().out == f"{ESCAPED}\n"


def test_a_progress_bar_shows_markup_and_escapes_its_text(capsys: pytest.CaptureFixture[str]):
    with Progress(text_column("{task.description}"), console=out) as bars:
        bars.add_task(EVIL, total=1)

    assert ESCAPED in capsys.readouterr().out


def test_a_failure_of_several_lines_cannot_look_like_two(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        fail(Exit.FAILED, "no\ncopystand: ready")

    assert capsys.readouterr().err == "copystand: no\n    copystand: ready\n"
