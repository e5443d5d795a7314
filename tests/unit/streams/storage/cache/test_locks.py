"""Locks on open files: released with their process, and not kept by its children."""

import fcntl
import os
from pathlib import Path

from streams.storage.cache.locks import close, is_at, lock_within, try_lock


def opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT)


def test_a_closed_file_is_not_locked_by_a_child_that_has_it_open_as_well(tmp_path: Path):
    mine = opened(tmp_path / "copy")
    of_child, other = os.dup(mine), opened(tmp_path / "copy")
    assert try_lock(mine, fcntl.LOCK_EX)
    assert not try_lock(other, fcntl.LOCK_SH)

    close(mine)

    assert try_lock(other, fcntl.LOCK_EX)
    for file in (of_child, other):
        close(file)


def test_a_lock_of_others_is_waited_for_with_a_limit(tmp_path: Path):
    holder, other = opened(tmp_path / "copy"), opened(tmp_path / "copy")
    assert try_lock(holder, fcntl.LOCK_EX)

    assert not lock_within(other, fcntl.LOCK_SH, 0.02)
    close(holder)
    assert lock_within(other, fcntl.LOCK_SH, 0.02)
    close(other)


def test_a_file_that_was_replaced_is_not_at_its_path(tmp_path: Path):
    file = opened(tmp_path / "copy")
    assert is_at(file, tmp_path / "copy")

    (tmp_path / "new").touch()
    (tmp_path / "new").replace(tmp_path / "copy")
    assert not is_at(file, tmp_path / "copy")
    (tmp_path / "copy").unlink()
    assert not is_at(file, tmp_path / "copy")
    close(file)
