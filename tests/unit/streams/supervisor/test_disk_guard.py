"""Servers must not run below the floor, and may again when there is more space than that."""

from pathlib import Path

import pytest

from infra.disk import Space
from streams.supervisor import disk_guard
from streams.supervisor.disk_guard import BALLAST_FILES, HOME, DiskGuard

FLOOR, AGAIN = Space(64, 10), Space(192, 30)
PLENTY = Space(1000, 1000)


class Disk:
    """A disk whose free space the test sets, apart from the ballast on it."""

    def __init__(self, home: Path) -> None:
        self.home, self.free = home, PLENTY

    def measure(self, folder: Path) -> Space:
        del folder
        return self.free

    @property
    def ballast(self) -> list[Path]:
        return list((self.home / "ballast").glob("*"))


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Disk:
    monkeypatch.setattr(disk_guard, "REPORT_EVERY_SECONDS", -1.0)
    return Disk(tmp_path)


def a_guard(disk: Disk, ballast_bytes: int = BALLAST_FILES) -> DiskGuard:
    places = {HOME: disk.home, "postgres": disk.home / "postgres", "kafka": disk.home / "kafka"}
    return DiskGuard(places, FLOOR, AGAIN, ballast_bytes, disk.measure)


@pytest.mark.parametrize("full", [Space(63, 1000), Space(1000, 9)])
def test_below_the_floor_all_servers_lack_space_until_there_is_more_of_it(disk: Disk, full: Space):
    guard = a_guard(disk)
    found: list[set[str]] = []

    for free in (PLENTY, FLOOR, full, FLOOR, Space(191, 1000), Space(1000, 29), AGAIN, FLOOR):
        disk.free = free
        guard.check()
        found.append(set(guard.shortages))

    every = {HOME, "postgres", "kafka"}
    assert found == [set(), set(), every, every, every, every, set(), set()]


def test_the_ballast_is_removed_at_the_floor_and_created_again_with_space(disk: Disk):
    guard = a_guard(disk)
    counts: list[int] = []

    for free in (PLENTY, Space(63, 1000), Space(191, 1000), AGAIN):
        disk.free = free
        guard.check()
        counts.append(len(disk.ballast))

    assert counts == [BALLAST_FILES, 0, 0, BALLAST_FILES]


def test_a_disk_that_lost_its_ballast_was_full_and_needs_more_than_the_floor(disk: Disk):
    disk.free = Space(191, 1000)
    guard = a_guard(disk)

    guard.check()

    assert set(guard.shortages) == {HOME, "postgres", "kafka"}


def test_a_new_supervisor_with_its_ballast_needs_the_floor(disk: Disk):
    a_guard(disk).check()
    disk.free = FLOOR
    guard = a_guard(disk)

    guard.check()

    assert guard.shortages == {}


def test_without_ballast_the_floor_is_enough_at_the_start(disk: Disk):
    disk.free = FLOOR
    guard = a_guard(disk, ballast_bytes=0)

    guard.check()

    assert guard.shortages == {}
    assert not (disk.home / "ballast").exists()


def test_a_shortage_names_the_disk_what_is_free_and_what_is_needed(disk: Disk):
    disk.free = Space(5_000_000, 7)
    guard = a_guard(disk)

    guard.check()

    assert " has 5.0 MB and 7 inodes free, 0.0 MB and 30 inodes needed" in str(
        guard.shortages[HOME]
    )
