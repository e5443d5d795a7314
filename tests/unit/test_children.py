"""What a line starts steps behind whoever asks at a terminal."""

import os
from pathlib import Path

from infra import children


def test_what_is_started_is_nicer_than_a_command(tmp_path: Path):
    child = children.spawn(["sleep", "60"], tmp_path / "log")
    try:
        nice = os.getpriority(os.PRIO_PROCESS, child.pid)
        group = Path(f"/proc/{child.pid}/autogroup")
        shares = group.read_text().split()[-1] if group.exists() else str(children.NICENESS)
    finally:
        children.kill_group(child)

    assert nice == max(children.NICENESS, os.getpriority(os.PRIO_PROCESS, 0))
    assert shares == str(children.NICENESS)


def test_what_has_ended_at_once_is_no_surprise(tmp_path: Path):
    child = children.spawn(["true"], tmp_path / "log")

    assert child.wait(10) == 0
