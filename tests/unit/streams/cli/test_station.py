"""`copystand station`: exit codes and output, and how little a station loads."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from streams.cli.main import cli
from tests.support.deliveries import MODS, a_folder, a_png


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return a_folder(tmp_path / "ms-88", {"1.png": a_png(1), "2.png": a_png(2), "mods.xml": MODS})


def run(*arguments: str, home: Path) -> Result:
    return CliRunner().invoke(cli, ["station", *arguments], env={"COPYSTAND_HOME": str(home)})


def test_check_exits_with_0_when_it_finds_no_error(folder: Path, tmp_path: Path) -> None:
    result = run("check", str(folder), "--json", home=tmp_path / "home")

    found = json.loads(result.stdout)
    assert result.exit_code == 0
    assert {one["severity"] for one in found} == {"warn"}
    assert {one["code"].partition(".")[0] for one in found} == {"page"}


def test_check_exits_with_1_and_one_document_when_it_finds_one(
    folder: Path, tmp_path: Path
) -> None:
    result = run("check", str(folder), "--profile", "nowhere", "--json", home=tmp_path / "home")

    assert result.exit_code == 1
    assert set(json.loads(result.stdout)[0]) == {"code", "where", "found", "fix", "severity"}


@pytest.mark.parametrize(
    "wrong",
    [
        ["--batch-id", "no good"],
        ["--batch-id", "b-1", "--operator", "Anna"],
        ["--batch-id", "b-1", "--metadata-schema", "MARC"],
        ["--batch-id", "b-1", "--wait", "--timeout", "nan"],
        ["--batch-id", "b-1", "--wait", "--timeout", "inf"],
        ["--batch-id", "b-1", "--wait", "--timeout", "-1"],
        [],
    ],
)
def test_invalid_usage_exits_with_2(folder: Path, tmp_path: Path, wrong: list[str]) -> None:
    assert run("submit", str(folder), *wrong, home=tmp_path / "home").exit_code == 2


def test_submit_exits_with_3_before_storing_when_the_line_was_never_started(
    folder: Path, tmp_path: Path
) -> None:
    result = run("submit", str(folder), "--batch-id", "b-1", home=tmp_path / "home")

    assert result.exit_code == 3
    assert "copystand up" in result.stderr
    assert not (tmp_path / "home").exists()


def test_a_station_loads_neither_faust_nor_libvips(folder: Path, tmp_path: Path) -> None:
    program = f"""
import sys
from click.testing import CliRunner
from streams.cli.main import cli
result = CliRunner().invoke(cli, ["station", "check", {str(folder)!r}])
assert result.exit_code == 0, result.output
heavy = [name for name in ("faust", "mode", "aiokafka", "pyvips") if name in sys.modules]
assert not heavy, heavy
"""
    ended = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        env={"COPYSTAND_HOME": str(tmp_path / "home"), "PATH": "/usr/bin:/bin"},
        check=False,
    )

    assert ended.returncode == 0, ended.stderr


def test_check_prints_what_it_understood(folder: Path, tmp_path: Path) -> None:
    result = run("check", str(folder), home=tmp_path / "home")

    lines = result.stdout.splitlines()
    assert lines[:4] == [
        "batch ms-88: 1 item, 2 pages, profile as-delivered",
        "item ms-88.ms-88: 2 pages, 1.png … 2.png, in the order of names",
        "  languages none (not stated: chosen page by page); title 'Psalter' (mods.xml);"
        " records MODS; delivered texts 0",
        "not packaged, but named in the log: 0 files; skipped: 0 hidden or system files",
    ]
    assert "error" not in result.stdout


def test_half_a_character_in_an_option_is_reported_and_never_a_crash(
    folder: Path, tmp_path: Path
) -> None:
    result = run("check", str(folder), "--project", "x\udcff", "--json", home=tmp_path / "home")

    assert result.exit_code == 1
    assert "manifest.text-broken" in [one["code"] for one in json.loads(result.stdout)]
