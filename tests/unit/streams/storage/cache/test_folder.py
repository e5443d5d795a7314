"""The folder of a cache: never above its limit, files in use stay, dead writers leave nothing."""

import hashlib
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from streams.storage.cache.folder import BLOCK_BYTES, CacheFolder, CacheUnusable, Filling

LIMIT = 10 * BLOCK_BYTES


@pytest.fixture
def folder(tmp_path: Path) -> CacheFolder:
    return CacheFolder(tmp_path / "cache", LIMIT)


def value_of(number: int) -> bytes:
    return f"{number:08}".encode() * (BLOCK_BYTES // 8)


def digest_of(number: int) -> str:
    return hashlib.sha256(value_of(number)).hexdigest()


def begun(folder: CacheFolder, number: int) -> Filling:
    filling = folder.begin(digest_of(number), BLOCK_BYTES)
    assert isinstance(filling, Filling)
    return filling


def add(folder: CacheFolder, number: int, used_at: int = 0) -> None:
    """Make a copy that nobody uses."""
    filling = begun(folder, number)
    assert filling.write(value_of(number))
    file = filling.publish()
    assert file is not None
    os.close(file)
    if used_at:
        os.utime(folder.copy(digest_of(number)), (used_at, used_at))


def held(folder: CacheFolder) -> set[int]:
    """The numbers of the copies that are there."""
    return {number for number in range(40) if folder.copy(digest_of(number)).exists()}


def bytes_in(folder: CacheFolder) -> int:
    files = [*folder.root.glob("sha256/*/*"), *folder.root.glob("partial/*")]
    return sum(path.stat().st_size for path in files)


def test_the_least_recently_used_copies_go_first(folder: CacheFolder):
    for number in range(10):
        add(folder, number, used_at=100 + number)
    os.utime(folder.copy(digest_of(0)), (200, 200))

    add(folder, 10)

    assert held(folder) == {0, *range(3, 11)}
    assert folder.figures().evictions == 2
    assert folder.figures().used_bytes == LIMIT - BLOCK_BYTES == bytes_in(folder)


def test_to_pin_a_copy_is_to_use_it(folder: CacheFolder):
    for number in range(10):
        add(folder, number, used_at=100 + number)
    file = folder.pin(digest_of(0))
    assert file is not None
    os.close(file)

    add(folder, 10)

    assert 0 in held(folder)


def test_an_eviction_makes_more_space_than_one_copy_needs(tmp_path: Path):
    folder = CacheFolder(tmp_path, 32 * BLOCK_BYTES)
    for number in range(32):
        add(folder, number, used_at=100 + number)

    add(folder, 32)

    assert folder.figures().evictions == 3


def test_copies_in_use_are_not_evicted_and_nothing_is_added_beyond_the_limit(folder: CacheFolder):
    for number in range(10):
        add(folder, number)
    pins = [folder.pin(digest_of(number)) for number in range(10)]

    assert folder.begin(digest_of(10), BLOCK_BYTES) is False
    assert held(folder) == set(range(10))

    os.close(pins[3] or 0)
    add(folder, 10)
    assert held(folder) == {0, 1, 2, *range(4, 11)}
    for file in pins[:3] + pins[4:]:
        os.close(file or 0)


def test_space_is_reserved_before_the_first_byte(folder: CacheFolder):
    large = begun(folder, 0), folder.begin("f" * 64, 9 * BLOCK_BYTES)

    assert isinstance(large[1], Filling)
    assert folder.figures().used_bytes == LIMIT
    assert folder.begin(digest_of(1), 1) is False
    large[1].abandon()
    assert folder.figures().used_bytes == BLOCK_BYTES == bytes_in(folder)


def test_more_than_the_limit_is_never_begun(folder: CacheFolder):
    add(folder, 1)

    assert folder.begin("f" * 64, LIMIT + 1) is False
    assert held(folder) == {1}


def test_more_bytes_than_announced_are_not_written(folder: CacheFolder):
    filling = begun(folder, 0)

    assert filling.write(bytes(BLOCK_BYTES))
    assert not filling.write(b"more")
    filling.abandon()
    assert bytes_in(folder) == 0


def test_of_two_writers_of_one_copy_the_second_waits(folder: CacheFolder):
    filling = begun(folder, 0)
    another = CacheFolder(folder.root, LIMIT)

    assert another.begin(digest_of(0), BLOCK_BYTES) is True
    assert another.pin(digest_of(0)) is None
    filling.write(value_of(0))
    os.close(filling.publish() or 0)
    assert another.begin(digest_of(0), BLOCK_BYTES) is True
    file = another.pin(digest_of(0))
    assert file is not None and os.read(file, BLOCK_BYTES) == value_of(0)
    os.close(file)


KILLED = """
    import os, signal, sys
    from pathlib import Path
    from streams.storage.cache.folder import CacheFolder

    filling = CacheFolder(Path(sys.argv[1]), int(sys.argv[2])).begin(sys.argv[3], 4096)
    filling.write(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def killed_while_it_fills(folder: CacheFolder, number: int) -> None:
    command = [sys.executable, "-c", textwrap.dedent(KILLED), folder.root, str(LIMIT)]
    done = subprocess.run([*command, digest_of(number)], timeout=60)
    assert done.returncode == -signal.SIGKILL


def test_what_a_killed_writer_left_is_removed_and_counted(folder: CacheFolder):
    killed_while_it_fills(folder, 0)
    assert bytes_in(folder) == folder.figures().used_bytes == BLOCK_BYTES

    add(folder, 0)

    assert folder.figures().left_over == 1
    assert folder.figures().used_bytes == BLOCK_BYTES == bytes_in(folder)
    (folder.root / "partial" / "left").touch()
    folder.sweep()
    assert folder.figures().left_over == 2
    assert list(folder.root.glob("partial/*")) == []


def test_a_sweep_leaves_files_that_are_being_made(folder: CacheFolder):
    filling = begun(folder, 0)

    folder.sweep()

    assert folder.figures().used_bytes == BLOCK_BYTES
    filling.write(value_of(0))
    os.close(filling.publish() or 0)
    assert held(folder) == {0}


def test_a_figure_that_is_too_high_is_corrected_by_counting(folder: CacheFolder):
    for number in range(10):
        add(folder, number)
        folder.copy(digest_of(number)).unlink()

    add(folder, 10)

    assert folder.figures().used_bytes == BLOCK_BYTES
    assert folder.figures().evictions == 0


def test_a_lost_ledger_is_made_from_the_files(folder: CacheFolder):
    for number in range(10):
        add(folder, number, used_at=100 + number)
    (folder.root / "ledger").unlink()

    add(folder, 10)

    assert held(folder) == set(range(2, 11))


def test_an_emptied_folder_is_filled_again(folder: CacheFolder):
    filling = begun(folder, 0)
    for path in sorted(folder.root.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.root.rmdir()
    filling.write(value_of(0))

    with pytest.raises(CacheUnusable):
        filling.publish()
    add(folder, 0)
    assert folder.figures().used_bytes == BLOCK_BYTES


def test_a_discarded_copy_is_gone_and_its_space_free(folder: CacheFolder):
    add(folder, 0)
    file = folder.pin(digest_of(0))
    assert file is not None

    folder.discard(file, digest_of(0))
    os.close(file)

    assert held(folder) == set()
    assert (folder.figures().damaged, folder.figures().used_bytes) == (1, 0)


def test_copies_give_way_when_the_disk_is_short_of_its_reserve(tmp_path: Path):
    root = tmp_path / "cache"

    def free(path: Path) -> int:
        return 8 * BLOCK_BYTES - sum(file.stat().st_size for file in root.glob("sha256/*/*"))

    folder = CacheFolder(root, 100 * BLOCK_BYTES, 3 * BLOCK_BYTES, free)
    for number in range(5):
        add(folder, number, used_at=100 + number)

    add(folder, 5)
    assert 0 not in held(folder) and 5 in held(folder)

    pins = [folder.pin(digest_of(number)) for number in held(folder)]
    with pytest.raises(CacheUnusable, match="beyond its reserve"):
        begun(CacheFolder(root, 100 * BLOCK_BYTES, 8 * BLOCK_BYTES, free), 6)
    for file in pins:
        os.close(file or 0)


def test_copies_make_way_for_others_only_when_the_disk_is_short(tmp_path: Path):
    root, of_others = tmp_path / "cache", [0]

    def free(_: Path) -> int:
        used = sum(path.stat().st_size for path in root.glob("sha256/*/*"))
        return 20 * BLOCK_BYTES - of_others[0] - used

    folder = CacheFolder(root, 100 * BLOCK_BYTES, 3 * BLOCK_BYTES, free)
    for number in range(10):
        add(folder, number, used_at=100 + number)

    folder.make_way(7 * BLOCK_BYTES)
    assert len(held(folder)) == 10
    of_others[0] = 9 * BLOCK_BYTES
    folder.make_way(2 * BLOCK_BYTES)

    # The need and the reserve, and a sixteenth of the limit.
    assert held(folder) == set()
    of_others[0] = 18 * BLOCK_BYTES
    folder.make_way(2 * BLOCK_BYTES)
    assert folder.figures().evictions == 10


def test_a_folder_that_cannot_be_made_is_unusable(tmp_path: Path):
    (tmp_path / "file").touch()
    folder = CacheFolder(tmp_path / "file" / "cache", LIMIT)

    with pytest.raises(CacheUnusable):
        folder.begin(digest_of(0), BLOCK_BYTES)
    assert folder.pin(digest_of(0)) is None
    assert folder.figures().used_bytes == 0
