"""Who may read a home: its owner alone. Folders that a user names keep the user's own umask."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PRIVATE_UMASK = 0o077
OTHERS = 0o077
FOLDER_MODE = 0o700
FILE_MODE = 0o600
LOCK = Path("run", "supervisor.lock")

_umask_of_user: int | None = None


def use_private_umask() -> None:
    """Let this process and its children create files that only the owner can read."""
    global _umask_of_user
    before = os.umask(PRIVATE_UMASK)
    if _umask_of_user is None:
        _umask_of_user = before


@contextmanager
def umask_of_user() -> Iterator[int]:
    """The umask that this process was started with, for a folder that the user named."""
    now = os.umask(PRIVATE_UMASK)
    wanted = now if _umask_of_user is None else _umask_of_user
    os.umask(wanted)
    try:
        yield wanted
    finally:
        os.umask(now)


def make_private(home: Path) -> str:
    """Take the permissions of others from a home; its mode before, or an empty text if it had none.

    Files below it keep their modes: without the home, no one reaches them. The lock file does not,
    because a process that opened it before could lock it for ever."""
    if (home / LOCK).exists():
        (home / LOCK).chmod(FILE_MODE)
    mode = home.stat().st_mode & 0o7777
    if not mode & OTHERS:
        return ""
    home.chmod(FOLDER_MODE)
    return f"{mode:04o}"
