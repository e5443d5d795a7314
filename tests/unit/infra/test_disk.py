"""Free space is counted in bytes and inodes, on each disk of a home."""

import os
import shutil
from pathlib import Path

import pytest

from infra.disk import UNLIMITED, Space, disks_of, existing, free_space, mount_point

ELSEWHERE = Path("/dev/shm")


def test_the_space_of_a_folder_that_does_not_exist_yet_is_that_of_its_parent(tmp_path: Path):
    free = free_space(tmp_path / "to" / "come")

    assert existing(tmp_path / "to" / "come") == tmp_path
    assert free.size_bytes == pytest.approx(shutil.disk_usage(tmp_path).free, rel=0.05)
    assert 0 < free.inodes <= UNLIMITED


def test_space_must_cover_bytes_and_inodes():
    found = [Space(10, 5).covers(needed) for needed in (Space(10, 5), Space(11, 5), Space(10, 6))]

    assert found == [True, False, False]
    assert str(Space(1_500_000, 2000)) == "1.5 MB and 2,000 inodes"
    assert str(Space(1_500_000, UNLIMITED)) == "1.5 MB"


def test_a_home_on_one_disk_has_one_disk(tmp_path: Path):
    (tmp_path / "kafka").mkdir()
    (tmp_path / "file").touch()

    assert disks_of(tmp_path) == {tmp_path: True}
    assert disks_of(tmp_path / "to-come") == {tmp_path: True}


@pytest.mark.skipif(
    not ELSEWHERE.is_dir() or ELSEWHERE.stat().st_dev == Path("/").stat().st_dev,
    reason="this machine has no second disk",
)
def test_a_folder_on_another_disk_is_a_disk_of_the_home(tmp_path: Path):
    for name in ("kafka-2", "masters"):
        (tmp_path / name).symlink_to(ELSEWHERE)

    assert disks_of(tmp_path) == {
        tmp_path: True,
        tmp_path / "kafka-2": False,
        tmp_path / "masters": True,
    }


def test_a_disk_is_named_by_where_it_is_mounted(tmp_path: Path):
    found = mount_point(tmp_path / "to-come")

    assert os.path.ismount(found)
    assert tmp_path.is_relative_to(found)
