"""Which files of a watched folder are still."""

import os
from pathlib import Path

from streams.clients.scanners.watch_files import WatchFiles, is_image, item_of


class Clock:
    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


def test_a_file_is_still_when_it_has_not_changed_for_long_enough(tmp_path: Path):
    clock = Clock()
    files = WatchFiles(tmp_path, 2, clock)
    (tmp_path / "0001.tif").write_bytes(b"a")

    seen = []
    for clock.at, content in ((0, b"a"), (1, b"ab"), (2.5, b"ab"), (3, b"ab")):
        (tmp_path / "0001.tif").write_bytes(content)
        os.utime(tmp_path / "0001.tif", ns=(0, len(content)))
        seen.append(list(files.look()))

    assert seen == [[], [], [], ["0001.tif"]]


def test_a_file_that_is_replaced_by_one_of_the_same_size_and_time_changes(tmp_path: Path):
    clock = Clock()
    files = WatchFiles(tmp_path, 2, clock)
    for name in ("0001.tif", "new"):
        (tmp_path / name).write_bytes(b"a")
        os.utime(tmp_path / name, ns=(0, 0))
    files.look()
    clock.at = 2
    (tmp_path / "new").replace(tmp_path / "0001.tif")

    assert list(files.look()) == []


def test_files_under_temporary_names_links_and_system_files_are_left(tmp_path: Path):
    for name in ("a.tif.part", "b.tmp", ".hidden.tif", "Thumbs.db", "c.tif~", "taken.tif"):
        (tmp_path / name).write_bytes(b"a")
    (tmp_path / "link.tif").symlink_to(tmp_path / "taken.tif")

    assert list(WatchFiles(tmp_path, 0).look()) == ["taken.tif"]


def test_names_say_which_item_a_file_belongs_to():
    assert item_of("0001.tif") is None
    assert item_of("ms-1/0001.tif") == "ms-1"
    assert item_of("box/ms-1/0001.tif") == "box/ms-1"
    assert is_image("a/B.TIF") and not is_image("a/mets.xml")
