"""Locks on open files, which the kernel removes when their process ends."""

import errno
import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path

RETRY_SECONDS = 0.005
HELD = (errno.EACCES, errno.EAGAIN)


def try_lock(file: int, kind: int) -> bool:
    """Lock an open file at once; False when another holder prevents it. Raises OSError."""
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in HELD:
            return False
        raise
    return True


def lock_within(file: int, kind: int, seconds: float) -> bool:
    """Lock an open file within some seconds; False when others hold it for longer.

    A holder may be stopped (SIGSTOP), and then nobody waits for it without end."""
    deadline = time.monotonic() + seconds
    while not try_lock(file, kind):
        if time.monotonic() > deadline:
            return False
        time.sleep(RETRY_SECONDS)
    return True


def close(file: int) -> None:
    """End the lock of a file and close it, also when the disk reports an error."""
    with suppress(OSError):
        # Not left to close(): a child that was forked meanwhile has the file open as well.
        fcntl.flock(file, fcntl.LOCK_UN)
    with suppress(OSError):
        os.close(file)


def is_at(file: int, path: Path) -> bool:
    """Whether an open file still has this name."""
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False
