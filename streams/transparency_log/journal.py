"""The journal: leaves that are on disk, but not yet in durable tiles.

A record is the length of the leaf (2 bytes, big-endian), the leaf, and its leaf hash. The name of
the file is the index of its first leaf."""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from infra.files import write_atomic
from streams.transparency_log.merkle import HASH_BYTES, leaf_hash
from streams.transparency_log.tiles import LENGTH

FILE_MODE = 0o600


class Journal:
    """One journal file, open for appending."""

    def __init__(self, folder: Path, first: int) -> None:
        self.first = first
        self.path = folder / f"{first:020d}"
        self.size_bytes = self.path.stat().st_size
        self._file = os.open(self.path, os.O_RDWR)

    def replay(self) -> tuple[list[bytes], list[bytes]]:
        """The leaves and their hashes up to the first record that is torn; cuts the rest."""
        content, leaves, hashes, end = self.path.read_bytes(), [], [], 0
        while (record := _record(content, end)) is not None:
            leaves.append(record[0])
            hashes.append(record[1])
            end += LENGTH.size + len(record[0]) + HASH_BYTES
        if end < len(content):
            os.ftruncate(self._file, end)
            os.fsync(self._file)
        self.size_bytes = end
        return leaves, hashes

    def append(self, leaves: Sequence[bytes], hashes: Sequence[bytes]) -> None:
        """Write leaves durably: all of them or, with an OSError, none."""
        records, written = _encode(leaves, hashes), 0
        try:
            while written < len(records):
                place = self.size_bytes + written
                written += os.pwrite(self._file, memoryview(records)[written:], place)
            os.fsync(self._file)
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._file, self.size_bytes)
            raise
        self.size_bytes += len(records)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def create_journal(
    folder: Path, first: int, leaves: Sequence[bytes] = (), hashes: Sequence[bytes] = ()
) -> Journal:
    """A new durable journal with the leaves of the open bundle."""
    write_atomic(folder / f"{first:020d}", _encode(leaves, hashes), mode=FILE_MODE)
    return Journal(folder, first)


def first_indexes(folder: Path) -> list[int]:
    """The first indexes of the journals in a folder, in order."""
    return sorted(int(path.name) for path in folder.iterdir() if path.name.isdigit())


def read_journal(folder: Path) -> tuple[int, list[bytes]] | None:
    """The first index of the newest journal of a log, and the leaves that are intact in it, also
    while its sealer writes. None without a journal."""
    while True:
        found = first_indexes(folder) if folder.is_dir() else []
        if not found:
            return None
        try:
            content = (folder / f"{found[-1]:020d}").read_bytes()
        except FileNotFoundError:
            continue  # a newer one follows
        leaves, end = list[bytes](), 0
        while (record := _record(content, end)) is not None:
            leaves.append(record[0])
            end += LENGTH.size + len(record[0]) + HASH_BYTES
        return found[-1], leaves


def _encode(leaves: Sequence[bytes], hashes: Sequence[bytes]) -> bytes:
    return b"".join(
        LENGTH.pack(len(leaf)) + leaf + digest for leaf, digest in zip(leaves, hashes, strict=True)
    )


def _record(content: bytes, start: int) -> tuple[bytes, bytes] | None:
    body = start + LENGTH.size
    end = body + int.from_bytes(content[start:body], "big")
    leaf, digest = content[body:end], content[end : end + HASH_BYTES]
    return (leaf, digest) if len(digest) == HASH_BYTES and digest == leaf_hash(leaf) else None
