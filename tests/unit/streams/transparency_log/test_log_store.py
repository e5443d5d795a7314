"""The log on disk: whatever is cut, torn or missing, it opens as a prefix of what was appended."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.transparency_log import journal
from streams.transparency_log.log_store import LogInUse, LogStore
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
from tests.support.leaves import assert_is_log_of, leaves


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
