"""`doctor` reports old names of variables."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from streams.cli import doctor


def test_doctor_says_how_a_deprecated_variable_is_called_now(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setattr(doctor, "check_parts", lambda: [])
    monkeypatch.setenv("COPYSTAND_HOME", str(tmp_path))
    monkeypatch.setenv("COPYSTAND_STALLED_SECONDS", "60")

    result = CliRunner().invoke(doctor.doctor, ["--json"])

    (row,) = (row for row in json.loads(result.stdout) if row["part"] == "settings")
    assert (row["found"], row["version"]) == (True, "COPYSTAND_STALLED_SECONDS")
    assert row["fix"] == "Rename COPYSTAND_STALLED_SECONDS to COPYSTAND_LIVENESS_TIMEOUT."
    assert result.exit_code == 0
