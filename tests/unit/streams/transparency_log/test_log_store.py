"""The log on disk: whatever is cut, torn or missing, it opens as a prefix of what was appended."""

import errno
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.transparency_log import journal, log_store
from streams.transparency_log.log_store import LogClosed, LogInUse, LogStore
from streams.transparency_log.merkle import (
    leaf_hash,
    leaf_hashes,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from streams.transparency_log.tiles import (
    ENTRIES,
    MAX_LEAF_BYTES,
    DamagedLog,
    StaticTiles,
    Tree,
    tile_path,
)


def leaves(start: int, end: int) -> list[bytes]:
    """Leaves of several lengths, each another one."""
    return [f"{number}:".encode() + bytes(number % 7) for number in range(start, end)]


def assert_is_log_of(opened: LogStore, expected: list[bytes]) -> None:
    hashes = leaf_hashes(expected)
    assert opened.size == len(expected)
    assert list(opened.leaves()) == expected
    assert opened.root() == root_of(hashes)


def read_folder(folder: Path) -> Callable[[str], bytes | None]:
    def fetch(path: str) -> bytes | None:
        return (folder / path).read_bytes() if (folder / path).is_file() else None

    return fetch


@settings(deadline=None, max_examples=20)
@given(parts=st.lists(st.integers(0, 600), max_size=9), data=st.data())
def test_a_log_gives_what_was_appended_also_after_it_is_opened_again(
    parts: list[int], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
):
    folder, expected = tmp_path_factory.mktemp("log"), []
    log = LogStore(folder)
    for count in parts:
        new = leaves(len(expected), len(expected) + count)
        expected += new
        assert log.append(new) == len(expected)
        if data.draw(st.booleans()):
            log.close()
            log = LogStore(folder)

    assert_is_log_of(log, expected)
    log.close()
    assert_is_log_of(LogStore(folder), expected)


def test_proofs_hold_at_every_size_around_full_tiles(tmp_path: Path):
    log, draw = LogStore(tmp_path), random.Random(1)
    log.append(leaves(0, 66_000))
    hashes = leaf_hashes(leaves(0, 66_000))
    sizes = [1, 2, 255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537, 66_000]

    for size in sizes:
        index, old = draw.randrange(size), draw.randint(0, size)
        root = root_of(hashes[:size])

        assert log.root(size) == root
        assert log.leaf_hash(index) == hashes[index]
        assert log.leaf(index) == leaves(index, index + 1)[0]
        verify_inclusion(index, size, hashes[index], log.inclusion(index, size), root)
        proof = log.consistency(old, size)
        verify_consistency(old, size, root_of(hashes[:old]), root, proof)


def test_the_folder_is_a_static_log_after_each_checkpoint(tmp_path: Path):
    log, size = LogStore(tmp_path), 0
    for count in (3, 200, 53, 1, 700, 0, 300):
        log.append(leaves(size, size + count))
        size += count

        log.write_partial_tiles()

        tree = Tree(StaticTiles(read_folder(tmp_path)), size)
        assert tree.root() == log.root() == root_of(leaf_hashes(leaves(0, size)))
        assert list(tree.leaves()) == leaves(0, size)


def test_partial_tiles_of_former_checkpoints_are_removed_also_after_a_restart(tmp_path: Path):
    log = LogStore(tmp_path)
    for size in range(40, 1200, 40):
        log.append(leaves(size - 40, size))
        log.write_partial_tiles()
        if size % 200 == 0:
            log.close()
            log = LogStore(tmp_path)
    log.write_partial_tiles()
    log.write_partial_tiles()

    found = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.p/*")}

    assert found == {
        tile_path(0, 4, 1160 % 256),
        tile_path(ENTRIES, 4, 1160 % 256),
        tile_path(1, 0, 4),
    }


def test_a_journal_that_is_cut_at_any_byte_keeps_what_was_appended_before(tmp_path: Path):
    log = LogStore(tmp_path / "log")
    log.append(leaves(0, 20))
    before = log._journal.size_bytes
    log.append(leaves(20, 24))
    after = log._journal.size_bytes
    log.close()
    name = log._journal.path.relative_to(tmp_path / "log")
    content = (tmp_path / "log" / name).read_bytes()
    sizes = set()

    for cut in range(before, after + 1):
        for tail in (b"", bytes(after - cut), b"\xff" * (after - cut)):
            (tmp_path / "log" / name).write_bytes(content[:cut] + tail)
            log = LogStore(tmp_path / "log")
            assert_is_log_of(log, leaves(0, log.size))
            sizes.add(log.size)
            log.append([b"next"])
            assert log.leaf(log.size - 1) == b"next"
            log.close()

    assert sizes == set(range(20, 25))


def test_tiles_that_a_power_cut_lost_or_tore_are_written_again(tmp_path: Path):
    draw, log = random.Random(2), LogStore(tmp_path / "log")
    log.append(leaves(0, 5000))
    log.append(leaves(5000, 6000))
    log.write_partial_tiles()
    unsynced = [path.relative_to(tmp_path / "log") for path in log._unsynced]
    partial = [path.relative_to(tmp_path / "log") for path in tmp_path.rglob("*.p/*")]
    log.close()
    assert len(unsynced) > 6 and len(partial) == 3

    for number in range(12):
        image = tmp_path / f"image-{number}"
        shutil.copytree(tmp_path / "log", image)
        for path in unsynced + partial:
            kept = (image / path).read_bytes()[: draw.choice([0, draw.randrange(8192), 10**6])]
            lost = draw.random() < 0.3
            (image / path).unlink() if lost else (image / path).write_bytes(kept)

        log = LogStore(image)

        assert_is_log_of(log, leaves(0, 6000))
        assert all((image / path).stat().st_size for path in unsynced)
        log.close()


@pytest.mark.parametrize("step", ["fsync_folder", "create_journal", "_fsync"])
def test_an_end_at_any_step_of_a_new_journal_loses_nothing(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Cuts the sequence before and after each call of a step."""
    monkeypatch.setattr(log_store, "LEAVES_OF_A_JOURNAL", 512)
    for calls in range(60):
        for after in (False, True):
            folder = tmp_path / f"{calls}-{after}"
            log = LogStore(folder)
            log.append(leaves(0, 500))
            with monkeypatch.context() as patch:
                ended = _end_at(patch, step, calls, after)
                try:
                    log.append(leaves(500, 700))
                except KeyboardInterrupt:
                    pass
            log.close()
            opened = LogStore(folder)
            assert_is_log_of(opened, leaves(0, 700))
            assert len(journal.first_indexes(folder / "journal")) == 1
            opened.close()
            shutil.rmtree(folder)
        if not ended:
            assert calls
            return
    raise AssertionError("the step is called more often than expected")


def _end_at(patch: pytest.MonkeyPatch, step: str, calls: int, after: bool) -> list[bool]:
    original, count, ended = getattr(log_store, step), [0], []

    def replaced(*arguments: object) -> object:
        count[0] += 1
        if count[0] == calls + 1:
            ended.append(True)
            if after:
                original(*arguments)
            raise KeyboardInterrupt
        return original(*arguments)

    patch.setattr(log_store, step, replaced)
    return ended


@pytest.mark.parametrize("written", [0, 10, 10**6])
def test_a_full_disk_leaves_the_log_as_it_was(
    written: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    log = LogStore(tmp_path)
    log.append(leaves(0, 100))
    pwrite = os.pwrite

    def full(handle: int, content: bytes, place: int) -> int:
        pwrite(handle, content[:written], place)
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        with pytest.raises(OSError):
            log.append(leaves(100, 200))

    assert log.append(leaves(100, 120)) == 120
    log.close()
    assert_is_log_of(LogStore(tmp_path), leaves(0, 120))


def test_a_disk_that_is_full_when_tiles_are_written_closes_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    log = LogStore(tmp_path)
    log.append(leaves(0, 200))

    def full(*arguments: object, **options: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(log_store, "write_atomic", full)
        with pytest.raises(OSError):
            log.append(leaves(200, 300))

    with pytest.raises(LogClosed):
        log.append(leaves(300, 301))
    # The leaves were in the journal, so they are in the log.
    assert_is_log_of(LogStore(tmp_path), leaves(0, 300))


def test_hash_tiles_that_are_missing_are_computed_from_the_entries(tmp_path: Path):
    log = LogStore(tmp_path)
    log.append(leaves(0, 70_000))
    log.close()
    shutil.rmtree(tmp_path / "tile" / "0")
    shutil.rmtree(tmp_path / "tile" / "1")

    log = LogStore(tmp_path)

    assert log.root() == root_of(leaf_hashes(leaves(0, 70_000)))
    assert log.root(65_536) == root_of(leaf_hashes(leaves(0, 65_536)))
    assert log.leaf_hash(77) == leaf_hash(leaves(77, 78)[0])
    assert (tmp_path / tile_path(0, 0)).is_file() and (tmp_path / tile_path(1, 0)).is_file()


def test_missing_entries_are_named(tmp_path: Path):
    log = LogStore(tmp_path)
    log.append(leaves(0, 9000))
    log.close()
    (tmp_path / tile_path(ENTRIES, 3)).unlink()
    log = LogStore(tmp_path)

    with pytest.raises(DamagedLog) as raised:
        list(log.leaves())

    assert raised.value.index == 3 * 256
    log.close()
    last = journal.first_indexes(tmp_path / "journal")[0] // 256 - 1
    (tmp_path / tile_path(ENTRIES, last)).unlink()
    with pytest.raises(DamagedLog) as raised:
        LogStore(tmp_path)
    assert raised.value.index == last * 256


def test_a_lost_journal_leaves_the_full_bundles(tmp_path: Path):
    log = LogStore(tmp_path)
    log.append(leaves(0, 1000))
    log.close()
    shutil.rmtree(tmp_path / "journal")

    assert_is_log_of(LogStore(tmp_path), leaves(0, 768))


def test_a_log_is_open_in_one_process_only(tmp_path: Path):
    log = LogStore(tmp_path)

    with pytest.raises(LogInUse):
        LogStore(tmp_path)

    log.close()
    log.close()
    LogStore(tmp_path).close()


def test_a_leaf_that_no_bundle_can_hold_is_refused(tmp_path: Path):
    log = LogStore(tmp_path)

    with pytest.raises(ValueError, match="leaf 1 has 65536 bytes, the maximum is 65535"):
        log.append([b"", bytes(MAX_LEAF_BYTES + 1)])

    assert log.append([b"", bytes(MAX_LEAF_BYTES)]) == 2
    assert list(log.leaves()) == [b"", bytes(MAX_LEAF_BYTES)]


def test_large_leaves_begin_a_new_journal_before_it_grows_too_large(tmp_path: Path):
    log = LogStore(tmp_path)
    large = [number.to_bytes(2, "big") + bytes(60_000) for number in range(600)]

    for start in range(0, 600, 50):
        log.append(large[start : start + 50])
        assert sum(one.stat().st_size for one in (tmp_path / "journal").iterdir()) < 32_000_000

    log.close()
    assert_is_log_of(LogStore(tmp_path), large)


WRITER = """
import random, sys
from pathlib import Path
from streams.transparency_log.log_store import LogStore
def leaves(start, end):
    return [f"{number}:".encode() + bytes(number % 7) for number in range(start, end)]
log, draw = LogStore(Path(sys.argv[1])), random.Random(int(sys.argv[2]))
print(log.size, flush=True)
while True:
    print(log.append(leaves(log.size, log.size + draw.randint(1, 900))), flush=True)
    if draw.random() < 0.5:
        log.write_partial_tiles()
"""


def test_a_writer_that_is_killed_loses_nothing_that_was_acknowledged(tmp_path: Path):
    draw, acknowledged = random.Random(3), 0
    for round_number in range(4):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), str(round_number)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert writer.stdout is not None
        for _ in range(draw.randint(2, 30)):
            acknowledged = max(acknowledged, int(writer.stdout.readline()))
        writer.send_signal(signal.SIGKILL)
        printed = writer.stdout.read().splitlines()
        acknowledged = max([acknowledged, *map(int, printed[:-1])])
        writer.wait()
        log = LogStore(tmp_path)
        assert log.size >= acknowledged
        assert_is_log_of(log, leaves(0, log.size))
        log.close()
    assert acknowledged > 1000
