"""Which offset of a partition may be committed: everything before it is finished."""


class OffsetTracker:
    """Offsets of one partition that are in work, finished, or released to a later process."""

    def __init__(self) -> None:
        self._in_work: set[int] = set()
        self._released: set[int] = set()
        self._next: int | None = None

    def __len__(self) -> int:
        """The number of offsets in work."""
        return len(self._in_work)

    def track(self, offset: int) -> None:
        """Work on an offset begins."""
        self._in_work.add(offset)
        self._next = max(self._next or 0, offset + 1)

    def finish(self, offset: int) -> None:
        """Work on an offset is finished."""
        self._in_work.discard(offset)

    def release(self, offset: int) -> None:
        """Leave an offset to a later process; no offset after it is committed."""
        self._in_work.discard(offset)
        self._released.add(offset)

    def safe_offset(self) -> int | None:
        """The offset to continue from after a restart: the lowest unfinished one, or the next after
        the highest tracked one; None when none was tracked."""
        return min(self._in_work | self._released, default=self._next)
