"""The log on disk: appended leaves, their tiles and tree, intact after a power cut at any moment.

Leaves go to the journal first, with one fsync for each append. Full tiles follow without fsync;
every 4,096 leaves they are made durable together, and a new journal begins. Opening the log writes
the tiles of the journal again, so it never depends on a tile that may be torn."""

import fcntl
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from infra.files import fsync_file, fsync_folder, write_atomic
from streams.transparency_log.journal import FILE_MODE, Journal, create_journal, first_indexes
from streams.transparency_log.merkle import HASH_BYTES, leaf_hashes, root_of
from streams.transparency_log.tiles import (
    ENTRIES,
    MAX_LEAF_BYTES,
    WIDTH,
    DamagedLog,
    StaticTiles,
    Tree,
    encode_entries,
    tile_path,
    widths,
)

LEAVES_OF_A_JOURNAL = 16 * WIDTH
BYTES_OF_A_JOURNAL = 16_000_000


class LogInUse(RuntimeError):
    """Another process has opened the log for writing."""


class LogClosed(RuntimeError):
    """The log was closed, or an error left it behind its files: open it again."""


class LogStore:
    """The log of a folder, opened for appending by one process."""

    def __init__(self, folder: Path) -> None:
        """Open or create the log. Raises LogInUse and DamagedLog."""
        self.folder = folder
        self.size = 0
        self._journals = folder / "journal"
        if not self._journals.is_dir():
            self._journals.mkdir(parents=True)
            fsync_folder(folder)
            fsync_folder(folder.parent)
        self._lock = _locked(folder / "lock")
        self._files = StaticTiles(self._read)
        self._usable = True
        self._unsynced: list[Path] = []
        self._leaves: list[bytes] = []
        """Those of the open bundle."""
        self._levels: list[list[bytes]] = [[]]
        """The hashes of the open tile of each level."""
        self._partial: set[str] = set()
        self._older: set[str] = set()
        """Partial tiles of the last checkpoint, and of those before it."""
        try:
            self._journal = self._newest_journal()
            self._right_edge(self._journal.first)
            self._take(*self._journal.replay())
            self._older = self._partial_tiles()
        except BaseException:
            os.close(self._lock)
            raise

    def append(self, leaves: Iterable[bytes], hashes: Sequence[bytes] | None = None) -> int:
        """Add leaves, and return the size of the log when they are on disk. `hashes` are those of
        the leaves, if they are known.

        After an OSError none of them is in the log, or the log is closed and opening it decides.
        More than LEAVES_OF_A_JOURNAL leaves are added in parts of that many."""
        new = list(leaves)
        known = leaf_hashes(new) if hashes is None else hashes
        for place, leaf in enumerate(new):
            if len(leaf) > MAX_LEAF_BYTES:
                found = f"leaf {self.size + place} has {len(leaf)} bytes"
                raise ValueError(f"{found}, the maximum is {MAX_LEAF_BYTES}")
        for start in range(0, len(new), LEAVES_OF_A_JOURNAL):
            end = start + LEAVES_OF_A_JOURNAL
            self._append(new[start:end], known[start:end])
        return self.size

    def _append(self, leaves: list[bytes], hashes: Sequence[bytes]) -> None:
        if not self._usable:
            raise LogClosed(f"the log in {self.folder} is closed; open it again")
        self._journal.append(leaves, hashes)
        try:
            self._take(leaves, hashes)
            journaled = self.size - self._journal.first
            if journaled >= LEAVES_OF_A_JOURNAL or self._journal.size_bytes >= BYTES_OF_A_JOURNAL:
                self._begin_journal()
        except BaseException:
            # The journal is ahead of the tiles in memory; opening the log brings them together.
            self.close()
            raise

    def close(self) -> None:
        """Close the files and let another process open the log."""
        if self._usable:
            self._usable = False
            self._journal.close()
            os.close(self._lock)

    # ---- reading -------------------------------------------------------------------------------
    def tree(self, size: int | None = None) -> Tree:
        """The tree of the present size or of an earlier one; it does not follow later appends."""
        return Tree(self, self.size if size is None else size)

    def root(self, size: int | None = None) -> bytes:
        """The root of the tree, or of an earlier size of it."""
        return self.tree().root(size)

    def leaf(self, index: int) -> bytes:
        """The leaf at an index."""
        return self.tree().leaf(index)

    def leaf_hash(self, index: int) -> bytes:
        """The hash of the leaf at an index, from its tile."""
        return self.tree().leaf_hash(index)

    def leaves(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The leaves [start, end), read bundle by bundle."""
        return self.tree().leaves(start, end)

    def inclusion(self, index: int, size: int | None = None) -> list[bytes]:
        """The proof that a leaf is in the tree of a size."""
        return self.tree().inclusion(index, size)

    def consistency(self, old: int, new: int | None = None) -> list[bytes]:
        """The proof that the tree of size `new` continues that of size `old`."""
        return self.tree().consistency(old, new)

    def hashes(self, level: int, number: int, width: int) -> Sequence[bytes]:
        """The first hashes of a tile; one that is missing is computed again."""
        if level < len(self._levels) and number == (self.size >> (8 * level)) // WIDTH:
            return self._levels[level][:width]
        tile = self._read(tile_path(level, number)) or b""
        if len(tile) != WIDTH * HASH_BYTES:
            self._write(tile_path(level, number), b"".join(self._computed(level, number)))
        return self._files.hashes(level, number, width)

    def entries(self, number: int, width: int) -> Sequence[bytes]:
        """The first leaves of a bundle."""
        if number == self.size // WIDTH:
            return self._leaves[:width]
        return self._files.entries(number, WIDTH)[:width]

    def _read(self, path: str) -> bytes | None:
        try:
            return (self.folder / path).read_bytes()
        except FileNotFoundError:
            return None

    def _computed(self, level: int, number: int) -> list[bytes]:
        if level == 0:
            return leaf_hashes(self.entries(number, WIDTH))
        below = range(number * WIDTH, (number + 1) * WIDTH)
        return [root_of(self.hashes(level - 1, one, WIDTH)) for one in below]

    # ---- opening -------------------------------------------------------------------------------
    def _newest_journal(self) -> Journal:
        found = first_indexes(self._journals)
        if not found:
            return create_journal(self._journals, self._full_bundles() * WIDTH)
        # A newer journal exists only when the tiles before it are durable.
        for first in found[:-1]:
            (self._journals / f"{first:020d}").unlink()
        return Journal(self._journals, found[-1])

    def _full_bundles(self) -> int:
        """How many bundles there are without a gap, found by doubling and halving."""
        low, high = 0, 1
        while self._has_bundle(high - 1):
            low, high = high, high * 2
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._has_bundle(middle - 1) else (low, middle)
        return low

    def _has_bundle(self, number: int) -> bool:
        return (self.folder / tile_path(ENTRIES, number)).is_file()

    def _right_edge(self, size: int) -> None:
        """Read the hashes of the open tiles of a size that is a multiple of WIDTH."""
        if size and not self._has_bundle(size // WIDTH - 1):
            raise DamagedLog(size - WIDTH, f"{tile_path(ENTRIES, size // WIDTH - 1)} is missing")
        self.size = size
        while (count := size >> (8 * len(self._levels))) > 0:
            level = len(self._levels)
            # The level is added after it is complete, since hashes() prefers what is in memory.
            first = count // WIDTH * WIDTH
            self._levels.append(
                [root_of(self.hashes(level - 1, one, WIDTH)) for one in range(first, count)]
            )

    # ---- writing -------------------------------------------------------------------------------
    def _take(self, leaves: Sequence[bytes], hashes: Sequence[bytes]) -> None:
        """Add leaves that are in the journal to the open bundle, and write what becomes full."""
        start = 0
        while start < len(leaves):
            end = start + WIDTH - len(self._leaves)
            self._leaves += leaves[start:end]
            self._levels[0] += hashes[start:end]
            self.size += len(leaves[start:end])
            if len(self._leaves) == WIDTH:
                self._write_full_tiles()
            start = end

    def _write_full_tiles(self) -> None:
        bundle = encode_entries(self._leaves)
        self._write(tile_path(ENTRIES, self.size // WIDTH - 1), bundle)
        self._leaves = []
        level = 0
        while len(self._levels[level]) == WIDTH:
            full = self._levels[level]
            number = (self.size >> (8 * (level + 1))) - 1
            self._write(tile_path(level, number), b"".join(full))
            self._levels[level] = []
            level += 1
            if level == len(self._levels):
                self._levels.append([])
            self._levels[level].append(root_of(full))

    def _write(self, path: str, content: bytes) -> None:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(target, content, durable=False, mode=FILE_MODE)
        self._unsynced.append(target)

    def _begin_journal(self) -> None:
        """Make the tiles durable, then drop the journal that they came from."""
        folders: set[Path] = set()
        for path in self._unsynced:
            fsync_file(path)
            folders.update(one for one in path.parents if one.is_relative_to(self.folder))
        for folder in sorted(folders, reverse=True):
            fsync_folder(folder)
        self._unsynced = []
        old, first = self._journal, self.size - len(self._leaves)
        if first > old.first:
            self._journal = create_journal(self._journals, first, self._leaves, self._levels[0])
            old.close()
            old.path.unlink()

    def write_partial_tiles(self) -> None:
        """Write the partial tiles of the present size, so that the folder is a static log of it.

        Call it before a checkpoint of this size is published. Those of the call before the last
        one are removed. They need no fsync: the journal has all that is in them."""
        new = {tile_path(level, number, width) for level, number, width in widths(self.size)}
        for level, number, width in widths(self.size):
            self._write_partial(tile_path(level, number, width), b"".join(self._levels[level]))
            if level == 0:
                bundle = tile_path(ENTRIES, number, width)
                self._write_partial(bundle, encode_entries(self._leaves))
                new.add(bundle)
        for path in self._older - self._partial - new:
            (self.folder / path).unlink(missing_ok=True)
            with suppress(OSError):
                (self.folder / path).parent.rmdir()
        self._older, self._partial = self._partial, new

    def _write_partial(self, path: str, content: bytes) -> None:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(target, content, durable=False, mode=FILE_MODE)

    def _partial_tiles(self) -> set[str]:
        """Partial tiles that an earlier process left at the right edge."""
        found = set()
        start = max(0, self._journal.first - 4 * LEAVES_OF_A_JOURNAL)
        for level, number, _ in widths(self.size):
            for one in range((start >> (8 * level)) // WIDTH, number + 1):
                for kind in (level, ENTRIES) if level == 0 else (level,):
                    folder = self.folder / f"{tile_path(kind, one)}.p"
                    names = folder.iterdir() if folder.is_dir() else ()
                    found |= {str(path.relative_to(self.folder)) for path in names}
        return found


def _locked(path: Path) -> int:
    handle = os.open(path, os.O_RDWR | os.O_CREAT, FILE_MODE)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as held:
        os.close(handle)
        raise LogInUse(f"{path.parent} is open in another process") from held
    return handle
