"""Copies of one process: in a folder that others remove when the process has ended."""

from pathlib import Path

from streams.storage.cache.private_copies import PrivateCopies, sweep


def test_the_folder_of_a_running_process_stays_and_others_go(tmp_path: Path):
    mine = PrivateCopies(tmp_path)
    kept = mine.new()
    kept.write_bytes(b"a page")
    (tmp_path / "of-a-killed-process").mkdir()
    (tmp_path / "of-a-killed-process" / "copy").write_bytes(b"a page")

    sweep(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == [kept.parent.name]
    assert kept.read_bytes() == b"a page"


def test_a_process_removes_what_ended_ones_left_before_it_writes(tmp_path: Path):
    (tmp_path / "of-a-killed-process").mkdir()

    path = PrivateCopies(tmp_path).new()

    assert [folder.name for folder in tmp_path.iterdir()] == [path.parent.name]


def test_cleared_copies_are_gone_and_new_ones_follow(tmp_path: Path):
    mine = PrivateCopies(tmp_path)
    mine.clear()
    first = mine.new()
    first.write_bytes(b"a page")

    mine.clear()

    assert not first.exists()
    mine.new().write_bytes(b"another")


def test_a_folder_that_was_removed_is_made_again(tmp_path: Path):
    mine = PrivateCopies(tmp_path)
    mine.new().parent.rmdir()

    mine.new().write_bytes(b"a page")
