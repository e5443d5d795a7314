"""`status` shows the watchdog's last report and loads little."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest

from infra.files import write_json
from streams.monitoring import status
from streams.monitoring.status import FRESH_SECONDS, line_status, watch_file, watchdog_report
from streams.settings import Settings

HEAVY = {
    "pyvips",
    "pytesseract",
    "numpy",
    "lxml",
    "faust",
    "confluent_kafka",
    "processors.pipeline",
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "run").mkdir()
    return Settings(home=tmp_path)


def test_a_fresh_report_is_shown(settings: Settings):
    write_json(watch_file(settings), {"checks": {}})

    assert watchdog_report(settings) == {"checks": {}}


def test_an_old_a_missing_and_a_broken_report_are_not_shown(settings: Settings):
    file = watch_file(settings)
    assert watchdog_report(settings) is None

    file.write_text("")
    assert watchdog_report(settings) is None

    write_json(file, {"checks": {}})
    old = time.time() - FRESH_SECONDS - 1
    os.utime(file, (old, old))
    assert watchdog_report(settings) is None


def test_status_loads_no_step_no_imaging_and_no_kafka_client():
    program = (
        "import sys, streams.cli.status, streams.monitoring.status;"
        f"print(*sorted({HEAVY} & set(sys.modules)))"
    )

    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert found.stdout.split() == []


@pytest.mark.parametrize("failure", [psycopg.OperationalError, psycopg.errors.DiskFull])
def test_a_database_that_does_not_answer_is_named_and_is_not_ready(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, failure: type[psycopg.Error]
):
    def fail(settings: Settings) -> list[dict[str, Any]]:
        raise failure("no space left on device\n")

    others = dict.fromkeys(("unanswered", "lanes", "retries", "quiet", "checks"))
    write_json(watch_file(settings), {"lags": {}, **others})
    monkeypatch.setattr(status, "batch_figures", fail)
    parts = {name: {"pid": 1, "state": "ready", "restarts": 0} for name in ("postgres", "tracker")}

    document = line_status(settings, parts)

    assert (document["batches"], document["database"]) == ([], "no space left on device")
    assert [row["state"] for row in document["roles"]] == ["no answer", "ready"]
