"""`up` waits for a database that is updated."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from streams.cli import up


def states(*updates: str) -> Iterator[dict[str, Any]]:
    """What a supervisor writes: the migration that it applies, then that the line is ready."""
    for update in updates:
        phase = "starting" if update else "ready"
        yield {"pid": os.getpid(), "phase": phase, "updating": update, "seconds": {}}


def test_up_waits_while_the_database_is_updated_and_names_the_migration_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    found = states(*["0017_audit_questions.sql"] * 20, "")
    monkeypatch.setattr(up, "START_LIMIT_SECONDS", 0.3)  # a fifth of the time of 20 looks
    monkeypatch.setattr(up, "read_state", lambda _: next(found))
    monkeypatch.setattr(up, "supervisor_pid", lambda _: os.getpid())

    state = up._wait_until_ready(tmp_path, None, quiet=False)

    assert state["phase"] == "ready"
    assert capsys.readouterr().out.count("0017_audit_questions.sql") == 1
