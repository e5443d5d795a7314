"""Prevents Faust from committing an offset behind which an event is unfinished.

Faust 0.15.3 commits past an unfinished event when events overlap, and its gap handling makes
commits crawl on topics with transaction markers (its issues 606 and 625). The guard limits a commit
to the lowest offset in work and ignores gaps; it accepts this version of Faust only."""

from typing import Any

import faust
from faust.transport.consumer import Consumer

SUPPORTED = "0.15.3"


class WrongFaust(RuntimeError):
    """The installed version of Faust is not the one that the guard was written for."""


def install_commit_guard() -> None:
    """Replace two methods of Faust. Raises WrongFaust on any other version."""
    if faust.__version__ != SUPPORTED:
        raise WrongFaust(
            f"the commit guard fits faust-streaming {SUPPORTED}, found {faust.__version__}"
        )
    setattr(Consumer, "_new_offset", _new_offset)  # noqa: B010 - methods of another package
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
    """A gap contains no message, so there is nothing to acknowledge."""
