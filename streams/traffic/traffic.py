"""What a process asks before bytes pass."""

import asyncio
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from streams.traffic.link_buckets import TrafficClass, attempt
from streams.traffic.shared_state import Direction, SharedState
from streams.traffic.traffic_file import TrafficFile, local_now

PART_SECONDS = 0.1
"""How long the link should be busy with one part of a transfer."""


class Traffic:
    """The limits of a folder, a home or that of a station. Without a file there are none."""

    def __init__(
        self,
        folder: Path,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], datetime] = local_now,
        on_wait: Callable[[], None] = lambda: None,
    ) -> None:
        """`clock` is one that all processes of the machine share. `on_wait` is called again and
        again while `wait` waits."""
        self.limits = TrafficFile(folder, wall)
        self.state = SharedState(folder / "run" / "traffic.state")
        self.clock, self._on_wait = clock, on_wait

    def attempt(
        self, which: TrafficClass, direction: Direction, size: int, waited: float = 0.0
    ) -> float:
        """Let bytes pass and return 0, or return the seconds after which to ask again."""
        now = self.clock()
        self.limits.look(now)
        if self.limits.settings is None:
            return 0.0
        with self.state.locked(direction, now) as state:
            return attempt(state, self.limits.rates, which, size, now, waited)

    def wait(self, which: TrafficClass, direction: Direction, size: int) -> None:
        """Return when bytes may pass."""
        if not (seconds := self.attempt(which, direction, size)):
            return
        began = self.clock()
        while seconds:
            self._on_wait()
            time.sleep(seconds)
            seconds = self.attempt(which, direction, size, self.clock() - began)

    async def passes(self, which: TrafficClass, direction: Direction, size: int) -> None:
        """Return when bytes may pass; others run meanwhile."""
        if not (seconds := self.attempt(which, direction, size)):
            return
        began = self.clock()
        while seconds:
            await asyncio.sleep(seconds)
            seconds = self.attempt(which, direction, size, self.clock() - began)

    def part_bytes(self, least: int, usual: int) -> int:
        """The size of a part of a transfer; a smaller one on a slow link, so that none waits long
        for a part of another class."""
        self.limits.look(self.clock())
        rates = self.limits.rates
        return usual if rates is None else max(least, min(usual, int(rates.total * PART_SECONDS)))
