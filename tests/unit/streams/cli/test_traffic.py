"""`copystand traffic`: a wrong file changes nothing, and what is shown is of the home or station."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from streams.cli.traffic import traffic
from streams.traffic.link_buckets import TrafficClass
from streams.traffic.shared_state import Direction
from streams.traffic.traffic import Traffic

VALID = '[link]\nrate_mbit = 10\n[[schedule]]\ndays = ["mon"]\nrate_mbit = 10\n'


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COPYSTAND_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("COPYSTAND_STATION", raising=False)
    return tmp_path / "home"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "limits.toml").write_text(VALID)
    return tmp_path / "limits.toml"


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(traffic, [str(one) for one in words])


def test_a_checked_file_changes_nothing(home: Path, file: Path):
    result = run("check", file)

    assert result.exit_code == 0
    assert "is valid. Now: 10 Mbit/s in each direction" in " ".join(result.stdout.split())
    assert not home.exists()


def test_a_file_that_is_set_is_in_force_and_shown(home: Path, file: Path):
    assert "There are no limits" in run("show").stdout
    assert run("set", file).exit_code == 0
    Traffic(home).wait(TrafficClass.ACCESS, Direction.OUT, 5000)

    shown = json.loads(run("show", "--json").stdout)

    assert shown["file"] == str(home / "traffic.toml")
    assert shown["traffic"]["rate_mbit"] == 10
    assert [one["class"] for one in shown["traffic"]["classes"]] == list(TrafficClass)
    assert shown["traffic"]["classes"][1]["out_bytes"] == 5000
    assert shown["traffic"]["classes"][1]["minimum_mbit"] == 1
    assert "access" in run("show").stdout


def test_a_wrong_file_is_refused_with_its_code_and_the_earlier_one_stays(home: Path, file: Path):
    run("set", file)
    file.write_text("[link]\nrate_mbit = 0\n")

    checked, refused = run("check", file), run("set", file)

    for result in (checked, refused):
        assert result.exit_code == 1
        assert "traffic.settings-wrong" in result.output and "link.rate_mbit" in result.output
    assert (home / "traffic.toml").read_text() == VALID


def test_a_station_has_a_file_of_its_own(
    home: Path, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("COPYSTAND_STATION", str(tmp_path / "station"))

    assert run("set", file).exit_code == 0

    assert (tmp_path / "station" / "traffic.toml").read_text() == VALID
    assert not (home / "traffic.toml").exists()
