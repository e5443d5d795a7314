"""Whether a home has a supervisor, and the state that it wrote last. Loads little, for `status`."""

import fcntl
import json
import os
import time
from pathlib import Path
from typing import IO, Any

from infra import processes
from infra.files import read_json
from infra.permissions import FILE_MODE, LOCK

PID_SECONDS = 5.0
NO_SPACE = "no-space"
"""The phase of a line that is stopped until its disks have space."""


def state_file(home: Path) -> Path:
    """The file with the state of the processes of a home."""
    return home / "run" / "supervisor.json"


def lock(home: Path) -> IO[str] | None:
    """Lock the home for one supervisor; None when another holds it. Keep the file open."""
    # Whoever can open the file can lock it, and keep the line from starting. It is not opened for
    # appending, so that write_pid can overwrite it.
    file = os.fdopen(os.open(home / LOCK, os.O_RDWR | os.O_CREAT, FILE_MODE), "r+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def write_pid(held: IO[str]) -> None:
    """Write the pid of this process to the lock file, also when the disk is full."""
    # Over the old text: a new block could not be had.
    os.pwrite(held.fileno(), f"{os.getpid()}\n".encode(), 0)
    os.ftruncate(held.fileno(), len(f"{os.getpid()}\n"))


def overwrite(path: Path, document: dict[str, Any]) -> bool:
    """Write JSON over an existing file, which works on a full disk; whether there was one."""
    text = json.dumps(document).encode()
    try:
        with path.open("r+b", buffering=0) as file:
            # With spaces in place of the rest of the old text: a single call, so that a reader
            # finds one of the two.
            file.write(text.ljust(os.fstat(file.fileno()).st_size))
    except OSError:
        return False
    return True


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


def stopped_for_space(state: dict[str, Any]) -> str:
    """Why a line is stopped until its disks have space, or an empty text when it is not."""
    if state.get("phase") != NO_SPACE:
        return ""
    return f"the line is stopped for lack of disk space: {'; '.join(set(state['space'].values()))}"
