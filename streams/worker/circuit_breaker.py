"""Circuit breakers: what fails again and again is left alone for a while, and then tried with one.

A deferral costs an attempt, and after the last one a person must act. While a tool is missing or
the store is away that would be true of every page of the line; so the lane waits instead.
See M. Nygard, Release It!, "Circuit Breaker"."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from processors.outcome import ErrorClass

FAILURES = 10
"""Works in a row, each another one, that open a breaker: one bad page tried often does not."""
FIRST_PAUSE_SECONDS = 2.0
LONGEST_PAUSE_SECONDS = 30.0
SHARED = (ErrorClass.STORAGE,)
"""What all lanes depend on; any other failure is of one lane's own tools."""


@dataclass
class Breaker:
    """One dependency: closed while it works, open after many failures, then tried with one work."""

    failed: set[str] = field(default_factory=set)
    """Works that failed since the last success."""
    open_until: float | None = None
    pause_seconds: float = 0.0
    trying: bool = False
    """Whether a work was let through after the pause and has not told how it went."""
    why: str = ""

    def fail(self, work_id: str, why: str, now: float) -> None:
        """Count a failure; the tenth in a row opens it, and each later one for twice as long."""
        self.failed.add(work_id)
        self.why = why
        if len(self.failed) < FAILURES or (self.open_until is not None and not self.trying):
            return
        self.trying = False
        self.pause_seconds = min(
            max(2 * self.pause_seconds, FIRST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS
        )
        self.open_until = now + self.pause_seconds

    def succeed(self) -> None:
        """It works again."""
        self.failed.clear()
        self.open_until, self.pause_seconds, self.trying = None, 0.0, False

    def lets_through(self, now: float) -> bool:
        """Whether a work may be begun."""
        return self.open_until is None or now >= self.open_until

    def began(self, now: float) -> None:
        """A work is begun; if that was the trial of an open breaker, the next waits its turn."""
        if self.open_until is not None:
            self.trying, self.open_until = True, now + self.pause_seconds


class Breakers:
    """The breakers of a worker, by lane and for what all lanes share; safe from several threads."""

    def __init__(
        self,
        note: Callable[[str], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`note` tells people what the line waits for; an empty text takes it back."""
        self._note, self._clock = note, clock
        self._breakers: dict[str, Breaker] = {}
        self._lock = threading.Lock()
        self._told = ""

    def lets_through(self, lane: str) -> bool:
        """Whether work of this lane may be begun now."""
        with self._lock:
            now = self._clock()
            return all(one.lets_through(now) for one in self._of(lane))

    def began(self, lane: str) -> None:
        """Work of this lane is begun."""
        with self._lock:
            for one in self._of(lane):
                one.began(self._clock())

    def failed(self, lane: str, error_class: str, work_id: str, why: str) -> None:
        """Work of this lane failed through no fault of the material."""
        with self._lock:
            name = error_class if error_class in SHARED else lane
            one = self._breakers.setdefault(name, Breaker())
            one.fail(work_id, why, self._clock())
            self._tell()

    def succeeded(self, lane: str) -> None:
        """Work of this lane came to an end of its own; so all that it needs is there."""
        with self._lock:
            for one in self._of(lane):
                one.succeed()
            self._tell()

    def _of(self, lane: str) -> list[Breaker]:
        names = (lane, *SHARED)
        return [self._breakers[name] for name in names if name in self._breakers]

    def _tell(self) -> None:
        open_ones = [
            f"waits for {name} after {len(one.failed)} failures: {one.why[:200]}"
            for name, one in sorted(self._breakers.items())
            if one.open_until is not None
        ]
        text = "; ".join(open_ones)
        if text != self._told:
            self._told = text
            self._note(text)
