"""Whether a home has a supervisor, and the state that it wrote last. Loads little, for `status`."""

import fcntl
import os
import time
from pathlib import Path
from typing import IO, Any

from infra import processes
from infra.files import read_json
from infra.permissions import FILE_MODE, LOCK

PID_SECONDS = 5.0


def state_file(home: Path) -> Path:
    """The file with the state of the processes of a home."""
    return home / "run" / "supervisor.json"


def lock(home: Path) -> IO[str] | None:
    """Lock the home for one supervisor; None when another holds it. Keep the file open."""
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT
    # Whoever can open the file can lock it, and keep the line from starting.
    file = os.fdopen(os.open(home / LOCK, flags, FILE_MODE), "a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def supervisor_pid(home: Path) -> int | None:
    """Pid of the running supervisor of a home; a state file left by a dead one does not count."""
    if not (home / LOCK).exists():
        return None
    held = lock(home)
    if held is not None:
        held.close()
        return None
    deadline = time.monotonic() + PID_SECONDS
    while time.monotonic() < deadline:
        written = (home / LOCK).read_text().strip()
        if written.isdigit() and processes.is_alive(int(written)):
            return int(written)
        time.sleep(0.05)
    return None


def read_state(home: Path) -> dict[str, Any]:
    """The state that the supervisor of a home wrote last, or an empty document."""
    return read_json(state_file(home))
