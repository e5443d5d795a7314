"""How much memory and disk space a step needs, and a limit on memory in use."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from processors.imaging.file_identification import identify_file
from processors.imaging.header import DamagedHeader
from processors.imaging.header_readers import read_header
from processors.outcome import Done, Outcome, StorageError
from processors.page_files import file_for
from processors.tools import Storage
from schemas.models import Fact, PageAcquired, PageAdmitted


@dataclass(frozen=True)
class ImageSize:
    """The size of a decoded image."""

    pixels: int = 0
    size_bytes: int = 0


def image_size(fact: Fact, storage: Storage) -> ImageSize:
    """Size of the decoded image that a step on this fact uses, from its header; 0 without an image.

    A file with an unreadable header counts as 0: the step rejects it before it decodes it."""
    if isinstance(fact, PageAcquired):
        return _size(fact.width_px * fact.height_px, fact.samples_per_pixel * fact.bits_per_sample)
    if not isinstance(fact, PageAdmitted):
        return ImageSize()
    try:
        # Borrowed: this process has no task, at whose end its files would be given back.
        with storage.borrowed(file_for("capture", fact.files)) as path:
            format_ = identify_file(path)
            header = read_header(path, format_.family, fact.image or 1) if format_ else None
    except (DamagedHeader, KeyError, LookupError, OSError, StorageError):
        return ImageSize()
    if header is None:
        return ImageSize()
    pixels = header.width_px * header.height_px
    return _size(pixels, header.samples_per_pixel * header.bits_per_sample)


def _size(pixels: int, bits: int) -> ImageSize:
    return ImageSize(pixels, pixels * bits // 8)


def file_bytes(fact: Fact) -> int:
    """Size of the files that a step on this fact reads."""
    return sum(file.size_bytes for file in fact.files)


def new_bytes(fact: Fact, outcome: Outcome) -> int:
    """Size of the files of an outcome that the step on this fact has added, such as a package."""
    if not isinstance(outcome, Done):
        return 0
    known = {file.key for file in fact.files}
    given = {file.key: file.size_bytes for result in outcome.facts for file in result.files}
    return sum(size for key, size in given.items() if key not in known)


def written_bytes(fact: Fact) -> int:
    """An estimate of what a step on this fact writes: a copy of its files and the derivatives."""
    return 2 * file_bytes(fact)


class MemoryBudget:
    """A limit on bytes in use. Work waits for its share; work that needs more than the limit runs
    alone."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._used = 0
        self._changed = threading.Condition()

    @contextmanager
    def share(self, need_bytes: int) -> Iterator[None]:
        """Wait until this many bytes fit, and hold them."""
        with self._changed:
            self._changed.wait_for(lambda: self._used == 0 or self._fits(need_bytes))
            self._used += need_bytes
        try:
            yield
        finally:
            with self._changed:
                self._used -= need_bytes
                self._changed.notify_all()

    def _fits(self, need_bytes: int) -> bool:
        return need_bytes == 0 or self._used + need_bytes <= self._limit
