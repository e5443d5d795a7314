"""A lock keeps other processes out, with the functions of either system."""

import errno
import fcntl
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

from infra import file_lock
from infra.file_lock import Locked, lock_file


def opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT)


def test_a_second_handle_gets_no_lock_until_the_first_is_closed(tmp_path: Path):
    first, second = opened(tmp_path / "lock"), opened(tmp_path / "lock")

    lock_file(first)
    with pytest.raises(Locked):
        lock_file(second)
    os.close(first)
    lock_file(second)

    os.close(second)


def test_windows_locks_the_first_byte_without_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    calls: list[tuple[int, int, int]] = []

    def locking(handle: int, mode: int, size: int) -> None:
        calls.append((os.lseek(handle, 0, os.SEEK_CUR), mode, size))
        if len(calls) > 1:
            raise OSError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(file_lock, "_fcntl", None)
    monkeypatch.setattr(file_lock, "_msvcrt", SimpleNamespace(LK_NBLCK=2, locking=locking))
    handle = opened(tmp_path / "lock")
    os.write(handle, b"pid")

    lock_file(handle)
    with pytest.raises(Locked):
        lock_file(handle)

    assert calls == [(0, 2, 1), (0, 2, 1)]
    os.close(handle)


@pytest.mark.parametrize("system", ["unix", "windows"])
def test_a_lock_that_is_waited_for_is_held_by_one_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system: str
):
    if system == "windows":
        kinds = {2: fcntl.LOCK_EX | fcntl.LOCK_NB, 0: fcntl.LOCK_UN}
        locking = lambda handle, mode, size: fcntl.flock(handle, kinds[mode])  # noqa: E731
        flags = {"LK_NBLCK": 2, "LK_UNLCK": 0}
        monkeypatch.setattr(file_lock, "_fcntl", None)
        monkeypatch.setattr(file_lock, "_msvcrt", SimpleNamespace(locking=locking, **flags))
    counter = tmp_path / "counter"
    counter.write_text("0")

    def count(_: int) -> None:
        handle = opened(tmp_path / "lock")
        for _turn in range(50):
            with file_lock.file_lock(handle):
                counter.write_text(str(int(counter.read_text()) + 1))
        os.close(handle)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(count, range(4)))

    assert counter.read_text() == "200"
