"""Circuit breakers: a dependency that fails repeatedly is not used for a while, then tried once.

Each deferral uses up an attempt, and after the last one a person must act. A missing tool or an
unavailable store would do that to every page of the line; with a breaker the lane waits instead.
See M. Nygard, Release It!, "Circuit Breaker"."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from processors.outcome import ErrorClass

FAILURES = 10
"""Consecutive failures of distinct work items that open a breaker; retries of one page do not."""
FIRST_PAUSE_SECONDS = 2.0
LONGEST_PAUSE_SECONDS = 30.0
SHARED = (ErrorClass.STORAGE,)
"""Failures of what all lanes depend on; any other failure concerns the tools of one lane."""


@dataclass
class Breaker:
    """One dependency: closed while it works, open after repeated failures, then tried once."""

    failed: set[str] = field(default_factory=set)
    """Work items that failed since the last success."""
    open_until: float | None = None
    pause_seconds: float = 0.0
    trying: bool = False
    """Whether a trial was admitted after the pause and has no outcome yet."""
    why: str = ""

    def fail(self, work_id: str, why: str, now: float, at_once: bool = False) -> None:
        """Count a failure. The tenth opens the breaker, or the first with `at_once`; a failed trial
        doubles the pause."""
        self.failed.add(work_id)
        self.why = why
        is_enough = at_once or len(self.failed) >= FAILURES
        if not is_enough or (self.open_until is not None and not self.trying):
            return
        self.trying = False
        self.pause_seconds = min(
            max(2 * self.pause_seconds, FIRST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS
        )
        self.open_until = now + self.pause_seconds

    def succeed(self) -> None:
        """Close the breaker."""
        self.failed.clear()
        self.open_until, self.pause_seconds, self.trying = None, 0.0, False

    def admits(self, now: float) -> bool:
        """Whether work may begin."""
        return self.open_until is None or now >= self.open_until

    def began(self, now: float) -> None:
        """Work begins. If it is the trial of an open breaker, other work waits for its outcome."""
        if self.open_until is not None:
            self.trying, self.open_until = True, now + self.pause_seconds


class Breakers:
    """The breakers of a worker: one for each lane and one for each shared dependency.

    Safe to use from several threads."""

    def __init__(
        self,
        report: Callable[[str], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`report` receives what the line waits for; an empty text when it waits no longer."""
        self._report, self._clock = report, clock
        self._breakers: dict[str, Breaker] = {}
        self._lock = threading.Lock()
        self._reported = ""

    def admits(self, lane: str) -> bool:
        """Whether work of this lane may begin now."""
        with self._lock:
            now = self._clock()
            return all(one.admits(now) for one in self._of(lane))

    def began(self, lane: str) -> None:
        """Work of this lane begins."""
        with self._lock:
            for one in self._of(lane):
                one.began(self._clock())

    def ended(self, lane: str) -> None:
        """Work of this lane has ended; `failed` and `succeeded` say how."""

    def failed(
        self, lane: str, error_class: str, work_id: str, why: str, at_once: bool = False
    ) -> None:
        """Work of this lane failed with a transient error; `at_once` if all other work of the lane
        fails for the same reason."""
        with self._lock:
            name = error_class if error_class in SHARED else lane
            one = self._breakers.setdefault(name, Breaker())
            one.fail(work_id, why, self._clock(), at_once)
            self._report_changes()

    def succeeded(self, lane: str) -> None:
        """Work of this lane has an outcome, so everything that it depends on works."""
        with self._lock:
            for one in self._of(lane):
                one.succeed()
            self._report_changes()

    def _of(self, lane: str) -> list[Breaker]:
        names = (lane, *SHARED)
        return [self._breakers[name] for name in names if name in self._breakers]

    def _report_changes(self) -> None:
        open_ones = [
            f"waits for {name} after {len(one.failed)} failures: {one.why[:200]}"
            for name, one in sorted(self._breakers.items())
            if one.open_until is not None
        ]
        text = "; ".join(open_ones)
        if text != self._reported:
            self._reported = text
            self._report(text)
