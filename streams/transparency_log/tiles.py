"""The tiles of a log as static files: their paths and bytes (https://c2sp.org/tlog-tiles)."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from struct import Struct
from typing import Protocol

from streams.transparency_log.merkle import (
    HASH_BYTES,
    consistency_path,
    inclusion_path,
    range_root,
    root_of,
)

WIDTH = 256
"""Hashes in a full tile, entries in a full bundle."""
HEIGHT = 8
ENTRIES = "entries"
LENGTH = Struct(">H")
MAX_LEAF_BYTES = 0xFFFF


class DamagedLog(ValueError):
    """Files of the log are missing or disagree; `index` is the first entry concerned."""

    def __init__(self, index: int, why: str) -> None:
        super().__init__(f"entry {index}: {why}")
        self.index = index
        self.why = why


def tile_path(level: int | str, number: int, width: int = WIDTH) -> str:
    """The path of a tile below the log's folder; `level` may be ENTRIES."""
    parts = [f"{number % 1000:03d}"]
    while number := number // 1000:
        parts.insert(0, f"x{number % 1000:03d}")
    partial = "" if width == WIDTH else f".p/{width}"
    return f"tile/{level}/{'/'.join(parts)}{partial}"


def widths(size: int) -> Iterator[tuple[int, int, int]]:
    """The last tile of each level in a tree of a size, if it is partial: level, number, width."""
    level = 0
    while size:
        if size % WIDTH:
            yield level, size // WIDTH, size % WIDTH
        size //= WIDTH
        level += 1


def width_of(level: int, number: int, size: int) -> int:
    """The width of a tile in a tree of a size; 0 if it has no hash yet."""
    return max(0, min(WIDTH, (size >> (HEIGHT * level)) - number * WIDTH))


def encode_entries(leaves: Iterable[bytes]) -> bytes:
    """An entry bundle."""
    return b"".join(LENGTH.pack(len(leaf)) + leaf for leaf in leaves)


def decode_entries(bundle: bytes, first: int) -> list[bytes]:
    """The leaves in a bundle whose first entry has the index `first`. Raises DamagedLog."""
    leaves: list[bytes] = []
    start = 0
    while start < len(bundle):
        length = int.from_bytes(bundle[start : start + LENGTH.size], "big")
        end = start + LENGTH.size + length
        if end > len(bundle) or len(bundle) - start < LENGTH.size:
            raise DamagedLog(first + len(leaves), "its bundle ends within the entry")
        leaves.append(bundle[start + LENGTH.size : end])
        start = end
    return leaves


def decode_hashes(tile: bytes) -> list[bytes]:
    """The hashes in a tile."""
    return [tile[at : at + HASH_BYTES] for at in range(0, len(tile), HASH_BYTES)]


class Tiles(Protocol):
    """Where hashes and entries are read from."""

    def hashes(self, level: int, number: int, width: int) -> Sequence[bytes]:
        """The first `width` hashes of a tile. Raises DamagedLog."""

    def entries(self, number: int, width: int) -> Sequence[bytes]:
        """The first `width` leaves of a bundle. Raises DamagedLog."""


class StaticTiles:
    """Tiles from a folder or an address; `fetch` gives the bytes of a path, or None."""

    def __init__(self, fetch: Callable[[str], bytes | None]) -> None:
        self._fetch = fetch

    def _read(self, level: int | str, number: int, width: int) -> bytes | None:
        found = self._fetch(tile_path(level, number, width))
        # A partial tile may be removed when the full one exists.
        if found is None and width < WIDTH:
            found = self._fetch(tile_path(level, number))
        return found

    def hashes(self, level: int, number: int, width: int) -> Sequence[bytes]:
        """The first `width` hashes of a tile. Raises DamagedLog."""
        tile = self._read(level, number, width) or b""
        if len(tile) < width * HASH_BYTES:
            lost = (number * WIDTH + len(tile) // HASH_BYTES) << (HEIGHT * level)
            raise DamagedLog(lost, f"{tile_path(level, number, width)} is missing or too short")
        return decode_hashes(tile[: width * HASH_BYTES])

    def entries(self, number: int, width: int) -> Sequence[bytes]:
        """The first `width` leaves of a bundle. Raises DamagedLog."""
        leaves = decode_entries(self._read(ENTRIES, number, width) or b"", number * WIDTH)
        if len(leaves) < width:
            lost = number * WIDTH + len(leaves)
            raise DamagedLog(lost, f"{tile_path(ENTRIES, number, width)} is missing or too short")
        return leaves[:width]


class Tree:
    """The tree of one size over tiles: its root, leaves and proofs."""

    def __init__(self, tiles: Tiles, size: int) -> None:
        self._tiles = tiles
        self.size = size
        self._tile: tuple[int, int] | None = None
        self._hashes: Sequence[bytes] = ()

    def hash(self, height: int, number: int) -> bytes:
        """The hash of a complete subtree; a HashReader."""
        level, inner = divmod(height, HEIGHT)
        tile = (number << inner) // WIDTH
        if self._tile != (level, tile):
            width = width_of(level, tile, self.size)
            self._hashes, self._tile = self._tiles.hashes(level, tile, width), (level, tile)
        start = (number << inner) % WIDTH
        return root_of(self._hashes[start : start + (1 << inner)])

    def root(self, size: int | None = None) -> bytes:
        """The root of this tree, or of an earlier size of it."""
        return range_root(0, self._size(size), self.hash)

    def leaf(self, index: int) -> bytes:
        """The leaf at an index."""
        if not 0 <= index < self.size:
            raise IndexError(f"leaf {index} is not in a tree of {self.size}")
        number, within = divmod(index, WIDTH)
        return self._tiles.entries(number, width_of(0, number, self.size))[within]

    def leaf_hash(self, index: int) -> bytes:
        """The hash of the leaf at an index, from its tile."""
        if not 0 <= index < self.size:
            raise IndexError(f"leaf {index} is not in a tree of {self.size}")
        tile, within = divmod(index, WIDTH)
        return self._hashes[within] if self._tile == (0, tile) else self.hash(0, index)

    def leaves(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The leaves [start, end), read bundle by bundle."""
        end = self._size(end)
        for number in range(start // WIDTH, -(-end // WIDTH)):
            first = number * WIDTH
            bundle = self._tiles.entries(number, width_of(0, number, self.size))
            yield from bundle[max(0, start - first) : end - first]

    def inclusion(self, index: int, size: int | None = None) -> list[bytes]:
        """The proof that a leaf is in the tree of a size."""
        return inclusion_path(index, self._size(size), self.hash)

    def consistency(self, old: int, new: int | None = None) -> list[bytes]:
        """The proof that the tree of size `new` continues that of size `old`."""
        return consistency_path(old, self._size(new), self.hash)

    def _size(self, size: int | None) -> int:
        if size is None:
            return self.size
        if not 0 <= size <= self.size:
            raise IndexError(f"the tree has {self.size} leaves, not {size}")
        return size
