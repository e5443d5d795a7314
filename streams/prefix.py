"""Which offsets of a partition may be committed: only the finished prefix."""


class Prefix:
    """Offsets of one partition that are in work or done."""

    def __init__(self) -> None:
        self._open: set[int] = set()
        self._next: int | None = None

    def __len__(self) -> int:
        return len(self._open)

    def started(self, offset: int) -> None:
        """An offset is in work."""
        self._open.add(offset)
        self._next = max(self._next or 0, offset + 1)

    def finished(self, offset: int) -> None:
        """An offset is done."""
        self._open.discard(offset)

    def committable(self) -> int | None:
        """The next offset to read after a restart: the lowest in work, else one past the highest
        seen; None before anything was seen."""
        return min(self._open) if self._open else self._next
