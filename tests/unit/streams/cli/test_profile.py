"""`copystand profile` shows what each profile accepts."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from processors.profile import names, resolve
from streams.cli.main import cli


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "profiles").mkdir()
    return tmp_path


def run(home: Path, *arguments: str) -> Result:
    variables = {"COPYSTAND_HOME": str(home), "COLUMNS": "100"}
    return CliRunner().invoke(cli, ["profile", *arguments], env=variables)


def test_lists_the_shipped_profiles_and_those_of_the_home(home: Path):
    (home / "profiles" / "mine.toml").write_text('extends = "microfilm"\ndescription = "Ours."\n')

    rows = {row["name"]: row for row in json.loads(run(home, "list", "--json").stdout)}

    assert set(rows) == {*names(), "mine"}
    assert (rows["mine"]["origin"], rows["microfilm"]["origin"]) == ("this home", "shipped")
    assert rows["mine"]["resolution"] == "300 dpi or more"
    assert "Ours." in run(home, "list").stdout


def test_a_profile_that_is_not_valid_is_listed_with_its_problem(home: Path):
    (home / "profiles" / "mine.toml").write_text('extends = "microfilm"\nmissing_ic = "warn"\n')

    rows = {row["name"]: row for row in json.loads(run(home, "list", "--json").stdout)}

    assert rows["mine"]["problem"].startswith("profile.malformed: mine.toml: missing_ic")
    assert "missing_ic" in run(home, "list").stdout
    assert run(home, "show", "mine").exit_code == 1


def test_shows_a_profile_with_all_defaults(home: Path):
    shown = run(home, "show", "metamorfoze-light", "--json")

    assert json.loads(shown.stdout) == resolve("metamorfoze-light")
    assert "eciRGB v2, Adobe RGB (1998)" in run(home, "show", "metamorfoze-light").stdout


def test_an_unknown_profile_is_wrong_usage(home: Path):
    result = run(home, "show", "nowhere")

    assert result.exit_code == 2
    assert "profile.unknown" in result.stderr
