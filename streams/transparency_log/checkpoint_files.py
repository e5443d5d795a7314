"""The checkpoints of a log on disk: the newest in `checkpoint`, all of them in `checkpoints/`.

A file in `checkpoints/` has up to 1,024 signed notes, each followed by an empty line."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from infra.files import fsync_folder, write_atomic
from streams.transparency_log.checkpoint import (
    Checkpoint,
    hand_over,
    next_checkpoint,
    parse_checkpoint,
)
from streams.transparency_log.journal import FILE_MODE
from streams.transparency_log.log_store import LogStore
from streams.transparency_log.note import BadNote, SignerKey

FOLDER = "checkpoints"
NEWEST = "checkpoint"
IN_A_FILE = 1024


class CheckpointFiles:
    """The kept checkpoints of a log, opened by the process that signs them."""

    def __init__(self, folder: Path) -> None:
        """Open or create them. Raises BadNote if the newest ones are damaged."""
        self.folder = folder
        if not (folder / FOLDER).is_dir():
            (folder / FOLDER).mkdir(parents=True)
            fsync_folder(folder)
        self._number = max(0, len(paths(folder)) - 1)
        self.newest: Checkpoint | None = None
        self._in_file = self._open_last()
        if self.newest is None and self._number:
            notes, _ = split(self._path(self._number - 1).read_bytes())
            self.newest = parse_checkpoint(notes[-1])
        if self.newest is not None:
            self._write_newest(self.newest)

    def __iter__(self) -> Iterator[Checkpoint]:
        """All kept checkpoints, the oldest first. Raises BadNote."""
        return read_all(self.folder)

    def last(self, count: int) -> list[Checkpoint]:
        """Up to so many of the newest ones in this file and the one before, the oldest first."""
        first = max(0, self._number - 1)
        found = [path.read_bytes() for path in paths(self.folder)[first:]]
        notes = [note for content in found for note in split(content)[0]]
        return [parse_checkpoint(note) for note in notes[-count:]]

    def add(self, checkpoint: Checkpoint) -> None:
        """Keep a checkpoint durably and make it the newest."""
        if self._in_file >= IN_A_FILE:
            self._number, self._in_file = self._number + 1, 0
        # First, so that a reader never finds it older than what is kept.
        self._write_newest(checkpoint)
        path, note = self._path(self._number), checkpoint.encode() + b"\n"
        handle = os.open(path, os.O_WRONLY | os.O_CREAT, FILE_MODE)
        end = os.fstat(handle).st_size
        try:
            if os.pwrite(handle, note, end) < len(note):
                raise OSError(f"{path} took only a part of a checkpoint")
            os.fsync(handle)
        except OSError:
            with suppress(OSError):
                os.ftruncate(handle, end)
            raise
        finally:
            os.close(handle)
        if not end:
            fsync_folder(path.parent)
        self._in_file += 1
        self.newest = checkpoint

    def _write_newest(self, checkpoint: Checkpoint) -> None:
        # Opening writes it again, so it needs no fsync.
        write_atomic(self.folder / NEWEST, checkpoint.encode(), durable=False, mode=FILE_MODE)

    def _path(self, number: int) -> Path:
        return self.folder / FOLDER / f"{number:06d}"

    def _open_last(self) -> int:
        """Find the newest note of the last file, cut a torn one, and return how many remain."""
        path = self._path(self._number)
        if not path.exists():
            return 0
        content = path.read_bytes()
        notes, end = split(content)
        try:
            self.newest = parse_checkpoint(notes[-1]) if notes else None
        except BadNote:
            # Each one is flushed before the next one, so only the last can be torn.
            end -= len(notes.pop()) + 1
            self.newest = parse_checkpoint(notes[-1]) if notes else None
        if end < len(content):
            os.truncate(path, end)
        return len(notes)


def publish(
    store: LogStore,
    files: CheckpointFiles,
    signer: SignerKey,
    next_signer: SignerKey | None = None,
    topic: str | None = None,
) -> Checkpoint:
    """Sign a checkpoint of the log on disk and keep it. Raises ForkRefused.

    With `next_signer` it is the last one of its key, and the next key signs from here on. With
    `topic` it and those after it name this topic."""
    if next_signer is None:
        checkpoint = next_checkpoint(store, files.newest, signer, topic)
    else:
        checkpoint = hand_over(store, files.newest, signer, next_signer)
    # First, so that the folder always has the tiles of its newest checkpoint.
    store.write_partial_tiles()
    files.add(checkpoint)
    return checkpoint


def paths(folder: Path) -> list[Path]:
    """The files of kept checkpoints of a log's folder, in order."""
    kept = folder / FOLDER
    return sorted(one for one in kept.iterdir() if one.name.isdigit()) if kept.is_dir() else []


def split(content: bytes) -> tuple[list[bytes], int]:
    """The complete notes in a file of kept checkpoints, and where they end."""
    notes: list[bytes] = []
    start = 0
    while True:
        text = content.find(b"\n\n", start)
        end = content.find(b"\n\n", text + 2) if text >= 0 else -1
        if end < 0:
            return notes, start
        notes.append(content[start : end + 1])
        start = end + 2


def read_all(folder: Path) -> Iterator[Checkpoint]:
    """The kept checkpoints of a log's folder, the oldest first. Raises BadNote."""
    for path in paths(folder):
        for note in split(path.read_bytes())[0]:
            yield parse_checkpoint(note)
