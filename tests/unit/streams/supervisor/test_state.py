"""The state of a home can be written and read when its disk is full."""

import os
from pathlib import Path
from typing import Any

from infra.files import write_json
from streams.supervisor.state import (
    lock,
    overwrite,
    read_state,
    state_file,
    stopped_for_space,
    supervisor_pid,
    write_pid,
)

SHORTAGE = "/disk has 1.0 MB free, 192.0 MB needed"
STOPPED = {"pid": 7, "phase": "no-space", "space": {"/disk": SHORTAGE}}


def test_a_state_is_written_over_a_longer_and_over_a_shorter_one(tmp_path: Path):
    (tmp_path / "run").mkdir()
    long: dict[str, Any] = {"phase": "ready", "parts": dict.fromkeys(map(str, range(99)), "ready")}
    found = []

    write_json(state_file(tmp_path), long)
    for document in (STOPPED, long | {"more": "x" * 999}):
        assert overwrite(state_file(tmp_path), document)
        found.append(read_state(tmp_path))

    assert found == [STOPPED, long | {"more": "x" * 999}]


def test_a_state_is_not_written_over_a_missing_one(tmp_path: Path):
    assert not overwrite(state_file(tmp_path), STOPPED)


def test_a_shorter_pid_replaces_a_longer_one(tmp_path: Path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "supervisor.lock").write_text("123456789012\n")

    with lock(tmp_path) as held:  # type: ignore[union-attr]
        write_pid(held)
        found = supervisor_pid(tmp_path)

    assert found == os.getpid()


def test_a_stopped_line_says_which_disk_lacks_space():
    assert stopped_for_space(STOPPED).endswith(f"lack of disk space: {SHORTAGE}")
    assert stopped_for_space({"phase": "ready", "space": {}}) == ""
    assert stopped_for_space({}) == ""
