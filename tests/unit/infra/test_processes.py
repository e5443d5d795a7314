"""What a line starts steps behind whoever asks at a terminal."""

import os
import subprocess
import sys
from pathlib import Path

from infra import processes

LESS_THAN_ROOT = ("setpriv", "--bounding-set", "-sys_admin", "--")
STARTS_THREE = """
from pathlib import Path
from infra import processes
from tests.unit.infra.test_processes import shares

started = [processes.spawn(["sleep", "60"], Path("/dev/null")) for _ in range(3)]
print(*(shares(child.pid) for child in started))
for child in started:
    processes.kill_group(child)
"""


def shares(pid: int) -> str:
    """How nice its session is to others; as wished where the kernel has no such thing."""
    group = Path(f"/proc/{pid}/autogroup")
    return group.read_text().split()[-1] if group.exists() else str(processes.NICENESS)


def test_what_is_started_is_nicer_than_a_command(tmp_path: Path):
    child = processes.spawn(["sleep", "60"], tmp_path / "log")
    try:
        nice, told = os.getpriority(os.PRIO_PROCESS, child.pid), shares(child.pid)
    finally:
        processes.kill_group(child)

    assert nice == max(processes.NICENESS, os.getpriority(os.PRIO_PROCESS, 0))
    assert told == str(processes.NICENESS)


def test_so_is_all_that_another_user_than_root_starts_at_once():
    """The kernel lets such users change one session in 0.1 s, and tells the others to try again."""
    words = [*(LESS_THAN_ROOT if os.geteuid() == 0 else ()), sys.executable, "-c", STARTS_THREE]
    done = subprocess.run(words, capture_output=True, text=True, timeout=30)

    assert done.stdout.split() == [str(processes.NICENESS)] * 3, done.stderr


def test_what_has_ended_at_once_is_no_surprise(tmp_path: Path):
    child = processes.spawn(["true"], tmp_path / "log")

    assert child.wait(10) == 0
