"""Keeps Faust from committing past an event that is still in work.

Faust 0.15.3 commits past an unfinished event when events overlap, and its gap handling makes
commits crawl on topics with transaction markers (its issues 606 and 625). The guard caps a commit
at the lowest offset in work and ignores gaps; it fits this one version and refuses any other."""

from typing import Any

import faust
from faust.transport.consumer import Consumer

FITS = "0.15.3"


class WrongFaust(RuntimeError):
    """The guard was written for another version of Faust."""


def install_commit_guard() -> None:
    """Put the guard in place. Raises WrongFaust on any other version than the one it fits."""
    if faust.__version__ != FITS:
        raise WrongFaust(f"the commit guard fits faust-streaming {FITS}, found {faust.__version__}")
    setattr(Consumer, "_new_offset", _new_offset)  # noqa: B010 - these are methods of another's
    setattr(Consumer, "_add_gap", _ignore_gap)  # noqa: B010


def _new_offset(self: Any, tp: Any) -> int | None:
    """The offset that may be committed for a partition, or None."""
    acked = self._acked[tp]
    if not acked:
        return None
    busy = [m.offset for m in list(self._unacked_messages) if m.tp == tp and not m.acked]
    cap = min(busy, default=max(acked) + 1)
    done = [offset for offset in acked if offset < cap]
    if not done:
        return None
    self._acked[tp] = [offset for offset in acked if offset >= cap]
    self._acked_index[tp].difference_update(done)
    return int(max(done)) + 1


async def _ignore_gap(self: Any, tp: Any, offset_from: int, offset_to: int) -> None:
    """A gap was never a message, so there is nothing to acknowledge."""
