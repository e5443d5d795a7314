"""Child processes that never outlive their parent."""

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

# Set by setpriv last, after any change of user, which would clear it (prctl(2), PR_SET_PDEATHSIG).
DIES_WITH_PARENT = ("--pdeathsig", "KILL")
PR_SET_CHILD_SUBREAPER = 36
NICENESS = 5
"""Of all processes of a line, so that commands at a terminal have priority."""
BUSY_SECONDS = 1.0


def spawn(
    command: Sequence[str],
    log: Path,
    env: Mapping[str, str] | None = None,
) -> "subprocess.Popen[bytes]":
    """Start a command in its own process group. The kernel kills it when this thread ends."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as sink:
        child = subprocess.Popen(
            ["setpriv", *DIES_WITH_PARENT, "--", *command],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd="/",
            env={**os.environ, **(env or {})},
        )
    _lower_priority(child.pid)
    return child


def _lower_priority(pid: int) -> None:
    try:
        os.setpriority(os.PRIO_PROCESS, pid, max(NICENESS, os.getpriority(os.PRIO_PROCESS, 0)))
        # With autogroups (sched(7)) niceness counts within a session. This is for the session.
        _write_with_retries(Path(f"/proc/{pid}/autogroup"), f"{NICENESS}\n")
    except OSError:
        pass  # it has ended, or the kernel has no autogroups


def _write_with_retries(path: Path, text: str) -> None:
    """Retry while the kernel is busy: users other than root share one change in 0.1 s."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            path.write_text(text)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def stop(child: "subprocess.Popen[bytes]", how: signal.Signals, grace_seconds: float) -> None:
    """Ask a child to end, and kill its group at the latest after the grace period."""
    if child.poll() is None:
        child.send_signal(how)
        try:
            child.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            pass
    kill_group(child)


def kill_group(child: "subprocess.Popen[bytes]", patience_seconds: float = 1.0) -> None:
    """Kill the rest of the process group of a child, with the tools that it started."""
    if child.poll() is not None:
        # Processes that clean up after their parent need a moment, as Python's resource tracker
        # does for its semaphores in /dev/shm.
        deadline = time.monotonic() + patience_seconds
        while _group_lives(child.pid) and time.monotonic() < deadline:
            time.sleep(0.02)
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    child.wait()


def _group_lives(group: int) -> bool:
    """Whether a process group has members, after reaping those that have ended."""
    try:
        while os.waitpid(-group, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def adopt_orphans() -> None:
    """Make this process the parent of the orphans of its children."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in ("Z", "X")


def children_of(parent: int) -> list[int]:
    """Pids of the direct children of a process, with zombies."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            found.append(int(stat.parent.name))
    return found


def reap_orphans(known: set[int]) -> None:
    """Reap ended orphans of our children; the known processes are reaped elsewhere."""
    options = os.WEXITED | os.WNOHANG | os.WNOWAIT
    try:
        while (ended := os.waitid(os.P_ALL, 0, options)) and ended.si_pid not in known:
            _reap(ended.si_pid)
    except ChildProcessError:
        return


def kill_orphans(known: set[int], patience_seconds: float = 5.0) -> None:
    """Kill and reap all our children except the known ones."""
    deadline = time.monotonic() + patience_seconds
    while left := set(children_of(os.getpid())) - known:
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            _reap(pid)
        if time.monotonic() > deadline:
            return
        time.sleep(0.02)


def _reap(pid: int) -> None:
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        pass
