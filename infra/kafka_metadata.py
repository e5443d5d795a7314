"""Whether a broker still has its metadata log, and a copy of it from before each start.

A broker that starts on a full disk empties this log, and with it loses every topic. It then marks
their folders as stray and may create them again, empty."""

import errno
import re
import shutil
from contextlib import suppress
from pathlib import Path

from infra.disk import NOTHING, Space, free_space
from infra.files import fsync_folder, write_atomic

FIRST = f"{0:020}.log"
HEAD_BYTES = 61
"""Of a record batch (message format 2). They contain its time and its checksum."""
NO_FIRST = "from a snapshot"
"""Recorded for a log whose first segment was deleted, which Kafka does after a snapshot."""
REBUILT = (".index", ".timeindex", ".lock")
STRAY = re.compile(r"(?P<name>.+-\d+)\.[0-9a-f]{32}-stray\Z")


class MetadataLog:
    """The metadata log of one broker."""

    def __init__(self, broker: Path) -> None:
        """The log in the folder of this broker in a home."""
        self._data = broker / "data"
        self._log = self._data / "__cluster_metadata-0"
        self._kept = broker / "metadata.kept"
        self._record = broker / "metadata.head"

    def record(self) -> None:
        """Remember the beginning of the log of a broker that has its topics."""
        if not self._record.exists():
            write_atomic(self._record, (_head(self._log) or NO_FIRST) + "\n")

    def is_lost(self) -> bool:
        """Whether a broker that had topics has an empty log, or another one."""
        return not self._is_of_this_broker(self._log)

    def keep(self, floor: Space = NOTHING) -> None:
        """Copy the log of a stopped broker. Raises OSError unless the floor remains free."""
        if not self._record.exists() or self.is_lost():
            return
        files = [one for one in self._log.iterdir() if one.suffix not in REBUILT]
        size = Space(sum(one.stat().st_size for one in files), len(files))
        # One that does not fit beside the copy before it is made in its place.
        shutil.rmtree(self._kept, ignore_errors=True)
        if not free_space(self._data).covers(size + floor):
            text = f"a copy of its metadata log needs {size} beside {floor}"
            raise OSError(errno.ENOSPC, text, str(self._data))
        _copy(files, self._kept)

    def restore(self) -> bool:
        """Put the copy in the place of a lost log, and the folders of its topics back; whether
        there was a copy. The broker must not run."""
        if not self._kept.is_dir() or not self._is_of_this_broker(self._kept):
            return False
        shutil.rmtree(self._log, ignore_errors=True)
        _copy(list(self._kept.iterdir()), self._log)
        for folder in sorted(self._data.iterdir()):
            if stray := STRAY.match(folder.name):
                own = self._data / stray["name"]
                # Created after the loss; nothing was written to it that was not lost with it.
                shutil.rmtree(own, ignore_errors=True)
                folder.rename(own)
        fsync_folder(self._data)
        return True

    def _is_of_this_broker(self, log: Path) -> bool:
        try:
            recorded = self._record.read_text().strip()
        except FileNotFoundError:
            return not self._has_topics() or _head(log) is not None or _has_snapshot(log)
        if (log / FIRST).exists():
            return _head(log) == recorded
        return _has_snapshot(log)

    def _has_topics(self) -> bool:
        return any(self._data.glob("digitization.*"))


def _head(log: Path) -> str | None:
    """The beginning of the first record of a log; None without one."""
    with suppress(FileNotFoundError), (log / FIRST).open("rb") as file:
        found = file.read(HEAD_BYTES)
        return found.hex() if len(found) == HEAD_BYTES else None
    return None


def _has_snapshot(log: Path) -> bool:
    return any(not one.name.startswith(f"{0:020}-") for one in log.glob("*.checkpoint"))


def _copy(files: list[Path], folder: Path) -> None:
    """Copy files durably into a folder, which is complete or does not exist."""
    draft = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    for file in files:
        write_atomic(draft / file.name, file.read_bytes())
    draft.rename(folder)
    fsync_folder(folder.parent)
