"""`doctor --tune` measures this machine, and its settings are those of the next start."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from streams.machine import cores
from streams.settings import Settings
from streams.settings_file import settings_file

COMMAND = Path(sys.executable).with_name("copystand")


def doctor(home: Path, *words: str, code: int = 0, **environment: str) -> Any:
    """The JSON document of `doctor`."""
    done = subprocess.run(
        [str(COMMAND), "doctor", *words, "--json"],
        env={**os.environ, "COPYSTAND_HOME": str(home), **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == code, done
    return json.loads(done.stdout) if code == 0 else done.stderr


def test_two_runs_write_the_same_file_which_the_next_start_reads(tmp_path: Path):
    home = tmp_path / "home"
    first = doctor(home, "--tune", "--write")
    lines = settings_file(home).read_text().splitlines()
    *others, _, _ = lines
    assert lines[-1].startswith("COPYSTAND_RECYCLE_MB=")
    settings_file(home).write_text("\n".join(["COPYSTAND_RECYCLE_MB=444", *others]) + "\n")

    second = doctor(home, "--tune", "--write")

    assert first["measured"]["cores"] == cores()
    assert first["file"] == str(settings_file(home))
    written = {row["name"]: row["value"] for row in first["settings"]}
    assert written == {row["name"]: row["value"] for row in second["settings"]}
    assert {row["set_by"] for row in first["settings"]} == {"doctor"}
    by_person = [row["name"] for row in second["settings"] if row["set_by"] == "person"]
    assert by_person == ["COPYSTAND_RECYCLE_MB"]
    found = Settings.load({"COPYSTAND_HOME": str(home)})
    assert str(found.pool_size) == written["WORK_POOL_SIZE"]
    assert str(found.kafka_heap_mb) == written["COPYSTAND_KAFKA_HEAP_MB"]
    assert found.recycle_mb == 444
    assert settings_file(home).stat().st_mode & 0o777 == 0o600


def test_to_write_is_a_form_of_tuning(tmp_path: Path):
    assert "--write needs --tune" in doctor(tmp_path, "--write", code=2)
