"""Kept checkpoints: none is lost or torn, whatever happens to the end of their file."""

import os
from pathlib import Path

import pytest

from streams.transparency_log import checkpoint_files
from streams.transparency_log.checkpoint import Checkpoint, parse_checkpoint, sign
from streams.transparency_log.checkpoint_files import CheckpointFiles, paths, read_all
from streams.transparency_log.note import BadNote
from tests.support.transparency_logs import FIRST_KEY, ORIGIN


def a_checkpoint(size: int) -> Checkpoint:
    return sign(Checkpoint(ORIGIN, size, size.to_bytes(32, "big")), FIRST_KEY)


def test_checkpoints_are_kept_in_order_in_files_of_limited_length(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(checkpoint_files, "IN_A_FILE", 3)
    kept = [a_checkpoint(size) for size in range(10)]

    for one in kept:
        files = CheckpointFiles(tmp_path)
        files.add(one)

    assert list(CheckpointFiles(tmp_path)) == kept == list(read_all(tmp_path))
    assert [path.name for path in paths(tmp_path)] == ["000000", "000001", "000002", "000003"]
    assert parse_checkpoint((tmp_path / "checkpoint").read_bytes()) == kept[-1]


def test_an_empty_folder_has_no_checkpoint(tmp_path: Path):
    assert CheckpointFiles(tmp_path).newest is None
    assert not (tmp_path / "checkpoint").exists()


@pytest.mark.parametrize("before", [0, 1, 2])
def test_a_last_checkpoint_that_is_cut_at_any_byte_is_removed(
    before: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(checkpoint_files, "IN_A_FILE", 2)
    kept, files = [a_checkpoint(size) for size in range(before)], CheckpointFiles(tmp_path)
    for one in kept:
        files.add(one)
    files.add(a_checkpoint(50))
    path = paths(tmp_path)[-1]
    content = path.read_bytes()
    start = content.rfind(ORIGIN.encode() + b"\n50\n")

    for cut in range(start, len(content)):
        for tail in (b"", bytes(len(content) - cut)):
            path.write_bytes(content[:cut] + tail)
            (tmp_path / "checkpoint").write_bytes(a_checkpoint(50).encode())
            files = CheckpointFiles(tmp_path)
            assert files.newest == (kept[-1] if kept else None)
            assert list(files) == kept
    files.add(a_checkpoint(51))
    assert list(CheckpointFiles(tmp_path)) == [*kept, a_checkpoint(51)]


def test_damage_before_the_last_checkpoint_is_reported(tmp_path: Path):
    files = CheckpointFiles(tmp_path)
    for size in range(3):
        files.add(a_checkpoint(size))
    path = paths(tmp_path)[0]
    path.write_bytes(path.read_bytes().replace(b"\n1\n", b"\nx\n"))

    with pytest.raises(BadNote):
        list(CheckpointFiles(tmp_path))


def test_a_disk_that_takes_only_a_part_keeps_the_former_checkpoints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    files = CheckpointFiles(tmp_path)
    files.add(a_checkpoint(1))
    write = os.pwrite

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", lambda handle, note, end: write(handle, note[:20], end))
        with pytest.raises(OSError):
            files.add(a_checkpoint(2))

    assert files.newest == a_checkpoint(1)
    files.add(a_checkpoint(3))
    assert list(CheckpointFiles(tmp_path)) == [a_checkpoint(1), a_checkpoint(3)]
