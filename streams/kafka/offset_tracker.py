"""Which offsets of a partition may be committed: only the finished prefix."""


class OffsetTracker:
    """Offsets of one partition that are taken, given back or done."""

    def __init__(self) -> None:
        self._open: set[int] = set()
        self._back: set[int] = set()
        self._next: int | None = None

    def __len__(self) -> int:
        return len(self._open)

    def track(self, offset: int) -> None:
        """An offset is taken."""
        self._open.add(offset)
        self._next = max(self._next or 0, offset + 1)

    def finish(self, offset: int) -> None:
        """An offset is done."""
        self._open.discard(offset)

    def release(self, offset: int) -> None:
        """An offset is for a later process; nothing from it on is committed."""
        self._open.discard(offset)
        self._back.add(offset)

    def safe_offset(self) -> int | None:
        """The next offset to read after a restart: the lowest that is not done, else one past the
        highest seen; None before anything was seen."""
        return min(self._open | self._back, default=self._next)
