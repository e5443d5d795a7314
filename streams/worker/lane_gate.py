"""Holds the lanes of a worker to their limits: so many tasks at once, and so much per time."""

import threading
import time
from collections import Counter
from collections.abc import Callable

from streams.lane_limits import Counts, LaneLimit, words_of
from streams.runtime.lane_report import LaneReport
from streams.traffic.token_bucket import TokenBucket
from streams.worker.lane_settings import LaneSettings

BURST_SECONDS = 2.0
"""What a lane may catch up with: more than the pauses between two looks at the queue, so that it
reaches its limit, and little of ten minutes, so that it does not exceed it."""
WORTH_REPORTING_SECONDS = 60.0
"""Shorter waits are not written to disk."""


class LaneGate:
    """Admits work of a lane within its limits. Safe to use from several threads.

    A thread calls `began`, `pay` and `ended` for its task. Work that a receipt answers pays
    nothing, so repeated messages do not use up a limit."""

    def __init__(
        self,
        read: Callable[[], LaneSettings | None] = lambda: None,
        report: Callable[[LaneReport], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`read` gives the settings when they have changed, else None. Call `refresh` to read."""
        self._read, self._report, self._clock = read, report, clock
        self._lock = threading.Lock()
        self._settings = LaneSettings()
        self._buckets: dict[str, dict[str, TokenBucket]] = {}
        self._busy: Counter[str] = Counter()
        self._unpaid: dict[int, str] = {}
        """The lane of each thread whose task has begun, and whose cost is not known yet."""
        self._held_until: dict[str, float] = {}

    def refresh(self) -> None:
        """Apply settings that have changed; called regularly."""
        changed = self._read()
        if changed is None:
            return
        with self._lock:
            self._settings = changed
            self._buckets = {
                lane: {limit.counts: self._bucket(lane, limit) for limit in limits}
                for lane, limits in changed.limits.items()
            }
            self._held_until.clear()
            self._send_report()

    def admits(self, lane: str) -> bool:
        """Whether work of this lane may begin now."""
        with self._lock:
            if self._busy[lane] >= self._settings.processes.get(lane, self._busy[lane] + 1):
                return False
            buckets = self._buckets.get(lane)
            if not buckets:
                return True
            # One task at a time until its cost is known: many that begin at once exceed the limit.
            now = self._clock()
            is_paid = lane not in self._unpaid.values()
            return is_paid and all(bucket.may_take(now) for bucket in buckets.values())

    def began(self, lane: str) -> None:
        """Work of this lane begins in this thread."""
        with self._lock:
            self._busy[lane] += 1
            self._unpaid[threading.get_ident()] = lane

    def ended(self, lane: str) -> None:
        """Work of this lane has ended in this thread."""
        with self._lock:
            self._busy[lane] -= 1
            self._unpaid.pop(threading.get_ident(), None)

    def pay(self, lane: str, costs: Counts) -> None:
        """What the work of this thread costs. More than the limit of a second is a debt: the lane
        waits until it is paid."""
        with self._lock:
            self._unpaid.pop(threading.get_ident(), None)
            now, wait = self._clock(), 0.0
            for counted, bucket in self._buckets.get(lane, {}).items():
                bucket.fill(now)
                bucket.take(costs.get(counted, 0))
                wait = max(wait, bucket.wait_seconds(now))
            if wait > WORTH_REPORTING_SECONDS:
                self._held_until[lane] = time.time() + wait
                self._send_report()

    def _bucket(self, lane: str, limit: LaneLimit) -> TokenBucket:
        """A bucket of this rate; what a former limit of the same kind left is kept."""
        now, burst = self._clock(), BURST_SECONDS * limit.per_second
        former = self._buckets.get(lane, {}).get(limit.counts)
        if former is None:
            return TokenBucket.full(limit.per_second, burst, now)
        former.fill(now)
        return TokenBucket(limit.per_second, burst, min(former.tokens, burst), now)

    def _send_report(self) -> None:
        words = words_of(self._settings.limits)
        for lane, count in self._settings.processes.items():
            at_once = f"{count} at once"
            words[lane] = f"{words[lane]}, {at_once}" if lane in words else at_once
        self._report(LaneReport(words, dict(self._held_until)))
