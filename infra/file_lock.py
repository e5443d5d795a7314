"""A lock on an open file, which ends with its process, on every system."""

import importlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

POLL_SECONDS = 0.001
"""Between two attempts on a system whose locks are not waited for."""


class Locked(OSError):
    """Another process has the lock."""


def _module(name: str) -> Any:
    """A module that some systems lack, or None."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


_fcntl, _msvcrt = _module("fcntl"), _module("msvcrt")


def lock_file(handle: int) -> None:
    """Lock an open file until its handle is closed, without waiting. Raises Locked."""
    try:
        if _fcntl is not None:
            _fcntl.flock(handle, _fcntl.LOCK_EX | _fcntl.LOCK_NB)
        else:
            # Windows locks bytes from the position on, also of an empty file.
            os.lseek(handle, 0, os.SEEK_SET)
            _msvcrt.locking(handle, _msvcrt.LK_NBLCK, 1)
    except OSError as taken:
        raise Locked(str(taken)) from taken


@contextmanager
def file_lock(handle: int) -> Iterator[None]:
    """Hold the lock on an open file; waits until it is free."""
    if _fcntl is not None:
        _fcntl.flock(handle, _fcntl.LOCK_EX)
    else:
        while not _is_locked_by_us(handle):
            time.sleep(POLL_SECONDS)
    try:
        yield
    finally:
        if _fcntl is not None:
            _fcntl.flock(handle, _fcntl.LOCK_UN)
        else:
            os.lseek(handle, 0, os.SEEK_SET)
            _msvcrt.locking(handle, _msvcrt.LK_UNLCK, 1)


def _is_locked_by_us(handle: int) -> bool:
    try:
        lock_file(handle)
    except Locked:
        return False
    return True
