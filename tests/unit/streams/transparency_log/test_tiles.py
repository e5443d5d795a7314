"""Tiles: their paths and bytes are those of c2sp.org/tlog-tiles, and trees are read from them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.transparency_log.merkle import (
    leaf_hash,
    leaf_hashes,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from streams.transparency_log.tiles import (
    ENTRIES,
    DamagedLog,
    StaticTiles,
    Tree,
    decode_entries,
    encode_entries,
    tile_path,
    width_of,
    widths,
)

SIZE = 700
LEAVES = [number.to_bytes(number % 5 + 2, "big") for number in range(SIZE)]


def static_files() -> dict[str, bytes]:
    """A log of SIZE leaves as static files, built from the definition."""
    hashes, files = leaf_hashes(LEAVES), {}
    for number in range(-(-SIZE // 256)):
        part = slice(256 * number, 256 * number + 256)
        width = width_of(0, number, SIZE)
        files[tile_path(0, number, width)] = b"".join(hashes[part])
        files[tile_path(ENTRIES, number, width)] = encode_entries(LEAVES[part])
    files[tile_path(1, 0, 2)] = root_of(hashes[:256]) + root_of(hashes[256:512])
    return files


FILES = static_files()


def test_a_path_has_groups_of_three_digits():
    assert tile_path(0, 1234067) == "tile/0/x001/x234/067"
    assert tile_path(1, 7, 112) == "tile/1/007.p/112"
    assert tile_path(ENTRIES, 1000) == "tile/entries/x001/000"


def test_the_partial_tiles_of_seventy_thousand_leaves_are_those_of_the_standard():
    # The example of c2sp.org/tlog-tiles.
    assert list(widths(70_000)) == [(0, 273, 112), (1, 1, 17), (2, 0, 1)]
    assert list(widths(256)) == [(1, 0, 1)]
    assert list(widths(0)) == []
    assert [width_of(0, number, 70_000) for number in (272, 273, 274)] == [256, 112, 0]


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_a_bundle_gives_the_leaves_that_were_put_in(leaves: list[bytes]):
    assert decode_entries(encode_entries(leaves), 0) == leaves


@given(st.lists(st.binary(max_size=20), min_size=1, max_size=9), st.data())
def test_a_bundle_that_is_cut_names_the_entry(leaves: list[bytes], data: st.DataObject):
    bundle, starts = encode_entries(leaves), [0]
    for one in leaves:
        starts.append(starts[-1] + 2 + len(one))
    cut = data.draw(st.integers(0, len(bundle) - 1).filter(lambda one: one not in starts))

    with pytest.raises(DamagedLog) as raised:
        decode_entries(bundle[:cut], 512)

    assert raised.value.index == 512 + max(n for n, start in enumerate(starts) if start < cut)


@given(st.data(), st.integers(1, SIZE))
def test_a_tree_over_static_files_gives_roots_leaves_and_proofs(data: st.DataObject, size: int):
    tree = Tree(StaticTiles(FILES.get), SIZE)
    index = data.draw(st.integers(0, size - 1))

    root = tree.root(size)

    assert root == root_of(leaf_hashes(LEAVES[:size]))
    assert tree.leaf(index) == LEAVES[index]
    assert tree.leaf_hash(index) == leaf_hash(LEAVES[index])
    assert list(tree.leaves(index, size)) == LEAVES[index:size]
    verify_inclusion(index, size, leaf_hash(LEAVES[index]), tree.inclusion(index, size), root)
    verify_consistency(index, size, tree.root(index), root, tree.consistency(index, size))


def test_the_full_tile_serves_for_a_partial_one_that_was_removed():
    files = {tile_path(1, 0, 1): FILES[tile_path(1, 0, 2)][:32], **FILES}
    tree = Tree(StaticTiles(files.get), 300)

    assert tree.root() == root_of(leaf_hashes(LEAVES[:300]))
    assert tree.leaf(299) == LEAVES[299]


@pytest.mark.parametrize(
    ("path", "index"),
    [(tile_path(0, 1), 256), (tile_path(ENTRIES, 2, 188), 512), (tile_path(1, 0, 2), 0)],
)
def test_a_missing_file_names_its_first_entry(path: str, index: int):
    tree = Tree(StaticTiles({name: FILES[name] for name in FILES if name != path}.get), SIZE)

    with pytest.raises(DamagedLog) as raised:
        tree.root()
        list(tree.leaves())
        tree.leaf_hash(index)

    assert raised.value.index == index


def test_what_is_beyond_the_tree_is_refused():
    tree = Tree(StaticTiles(FILES.get), SIZE)

    for ask in (tree.leaf, tree.leaf_hash, tree.inclusion):
        with pytest.raises(IndexError):
            ask(SIZE)
    for ask in (tree.root, tree.consistency):
        with pytest.raises(IndexError):
            ask(SIZE + 1)
    with pytest.raises(IndexError):
        list(tree.leaves(0, SIZE + 1))
