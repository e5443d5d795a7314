"""Whether a home has a supervisor, and the state that it wrote last. Loads little, for `status`."""

import fcntl
import time
from pathlib import Path
from typing import IO, Any

from infra import processes
from infra.files import read_json

PID_SECONDS = 5.0


def state_file(home: Path) -> Path:
    """The file with the state of the processes of a home."""
    return home / "run" / "supervisor.json"


def lock(home: Path) -> IO[str] | None:
    """Lock the home for one supervisor; None when another holds it. Keep the file open."""
    file = (home / "run" / "supervisor.lock").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def supervisor_pid(home: Path) -> int | None:
    """Pid of the running supervisor of a home; a state file left by a dead one does not count."""
    if not (home / "run" / "supervisor.lock").exists():
        return None
    held = lock(home)
    if held is not None:
        held.close()
        return None
    deadline = time.monotonic() + PID_SECONDS
    while time.monotonic() < deadline:
        written = (home / "run" / "supervisor.lock").read_text().strip()
        if written.isdigit() and processes.is_alive(int(written)):
            return int(written)
        time.sleep(0.05)
    return None


def read_state(home: Path) -> dict[str, Any]:
    """The state that the supervisor of a home wrote last, or an empty document."""
    return read_json(state_file(home))
