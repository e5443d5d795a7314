"""What people and files are called is shown as it is, and never taken for markup."""

import pytest

from streams.cli.listings import show_row
from streams.console import Exit, fail

CALLED = "scan [recto] [/].tif"


def test_a_row_shows_brackets(capsys: pytest.CaptureFixture[str]) -> None:
    show_row({"where": CALLED}, as_json=False)

    assert capsys.readouterr().out == f"where {CALLED}\n"


def test_a_failure_shows_brackets(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        fail(Exit.USAGE, CALLED, f"Rename {CALLED}")

    assert ended.value.code == 2
    assert capsys.readouterr().err == f"copystand: {CALLED}\n  Rename {CALLED}\n"
