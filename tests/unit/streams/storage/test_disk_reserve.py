"""Work waits for disk space and does not fail; what does not fit is refused before it is written."""

from pathlib import Path

import pytest

from infra.disk import UNLIMITED, Shortage, Space
from streams.settings import Settings
from streams.storage import disk_reserve
from streams.storage.disk_reserve import (
    DiskReserve,
    NoSpace,
    find_shortage,
    require_space,
    require_space_outside,
)

RESERVE = Space(100, 10)


def a_reserve(free: list[int], *reports: list[str]) -> DiskReserve:
    """Of a disk whose free bytes are the first of a list, which gets shorter with each pause."""

    def find(needed: Space) -> Shortage | None:
        space, wanted = Space(free[0], UNLIMITED), needed + RESERVE
        return None if space.covers(wanted) else Shortage(Path("/disk"), space, wanted)

    return DiskReserve(find, *(one.append for one in reports), pause=lambda _: free.pop(0) and None)


def test_work_waits_for_space_reports_it_and_continues_when_there_is_some():
    reports: list[str] = []
    disk = a_reserve([50_000_000, 0, 0, 500_000_000], reports)

    disk.wait(100_000_000, still_wanted=lambda: True)

    assert reports == [
        "waits for free space: /disk has 50.0 MB free, 100.0 MB and 10 inodes needed",
        "",
    ]


def test_copies_of_objects_make_way_before_work_waits():
    free, asked = [50_000_000], []

    def make_way(need_bytes: int) -> None:
        asked.append(need_bytes)
        free[0] = 500_000_000

    def find(needed: Space) -> Shortage | None:
        space, wanted = Space(free[0], UNLIMITED), needed + RESERVE
        return None if space.covers(wanted) else Shortage(Path("/disk"), space, wanted)

    disk = DiskReserve(find, make_way=make_way)

    assert disk.has(100_000_000)
    assert disk.has(100_000_000)
    assert asked == [100_000_000]


def test_space_that_is_no_longer_wanted_is_not_waited_for():
    disk = a_reserve([0])

    disk.wait(10, still_wanted=lambda: False)

    assert not disk.has(10)


@pytest.mark.parametrize(
    ("free", "needed", "fits"),
    [
        (Space(1100, 12), Space(1000, 2), True),
        (Space(1099, 12), Space(1000, 2), False),
        (Space(1100, 11), Space(1000, 2), False),
        (Space(99, 10), Space(0, 0), False),
        (Space(100, 9), Space(0, 0), False),
    ],
)
def test_the_reserve_is_kept_in_bytes_and_in_inodes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: Space, needed: Space, fits: bool
):
    monkeypatch.setattr(disk_reserve, "free_space", lambda _: free)

    found = find_shortage(tmp_path, needed, RESERVE)

    assert (found is None) is fits


def test_the_disk_of_a_server_needs_the_reserve_and_no_space_for_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    broker = tmp_path / "kafka"
    monkeypatch.setattr(disk_reserve, "disks_of", lambda home: {home: True, broker: False})
    spaces = {tmp_path: Space(1100, 100), broker: Space(100, 10)}
    monkeypatch.setattr(disk_reserve, "free_space", spaces.__getitem__)

    enough = find_shortage(tmp_path, Space(1000, 0), RESERVE)
    spaces[broker] = Space(99, 10)
    too_little = find_shortage(tmp_path, Space(1000, 0), RESERVE)

    assert enough is None
    assert too_little is not None and too_little.needed == RESERVE


def test_a_delivery_that_does_not_fit_is_refused_with_what_is_free_and_what_is_needed(
    tmp_path: Path,
):
    settings = Settings(home=tmp_path, reserve_mb=1)

    with pytest.raises(NoSpace) as refused:
        require_space(settings, "batch-1", [10**15])

    text = str(refused.value)
    assert text.startswith("disk.no-space: ")
    assert "free" in text and "batch-1 with 1,000,000,000.0 MB and 2 inodes" in text
    assert "a reserve of 1.0 MB and 4,000 inodes" in text
    assert refused.value.fix.startswith("Free space on ")


def test_a_delivery_to_a_bucket_needs_only_the_reserve(tmp_path: Path):
    settings = Settings(
        home=tmp_path,
        reserve_mb=0,
        object_store="s3://bucket/prefix",
        aws_access_key_id="k",
        aws_secret_access_key="s",
    )

    require_space(settings, "batch-1", [10**15])


def test_a_package_is_not_unpacked_where_it_does_not_fit(tmp_path: Path):
    settings = Settings(home=tmp_path / "home", reserve_mb=0)

    with pytest.raises(NoSpace):
        require_space_outside(settings, tmp_path / "to" / "come", "package-1", 10**15)
