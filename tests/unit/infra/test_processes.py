"""Processes of a line have a lower priority than commands at a terminal."""

import os
import subprocess
import sys
from pathlib import Path

from infra import processes

WITHOUT_SYS_ADMIN = ("setpriv", "--bounding-set", "-sys_admin", "--")
START_THREE = """
from pathlib import Path
from infra import processes
from tests.unit.infra.test_processes import session_niceness

started = [processes.spawn(["sleep", "60"], Path("/dev/null")) for _ in range(3)]
print(*(session_niceness(child.pid) for child in started))
for child in started:
    processes.kill_group(child)
"""


def session_niceness(pid: int) -> str:
    """The niceness of the session of a process; the expected one if the kernel has no autogroups."""
    group = Path(f"/proc/{pid}/autogroup")
    return group.read_text().split()[-1] if group.exists() else str(processes.NICENESS)


def test_a_process_of_a_line_is_nicer_than_a_command(tmp_path: Path):
    child = processes.spawn(["sleep", "60"], tmp_path / "log")
    try:
        niceness = os.getpriority(os.PRIO_PROCESS, child.pid)
        of_session = session_niceness(child.pid)
    finally:
        processes.kill_group(child)

    assert niceness == max(processes.NICENESS, os.getpriority(os.PRIO_PROCESS, 0))
    assert of_session == str(processes.NICENESS)


def test_processes_that_an_ordinary_user_starts_at_once_are_nicer_too():
    """The kernel lets these users change one session in 0.1 s; more changes must be retried."""
    command = [*(WITHOUT_SYS_ADMIN if os.geteuid() == 0 else ()), sys.executable, "-c", START_THREE]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)

    assert done.stdout.split() == [str(processes.NICENESS)] * 3, done.stderr


def test_a_process_may_end_at_once(tmp_path: Path):
    child = processes.spawn(["true"], tmp_path / "log")

    assert child.wait(10) == 0
