"""What keeps a spool from going on for now: the line, the store, space or a credential."""

import random
from datetime import UTC, datetime, timedelta

from processors.error_catalogue import fix_of
from streams.clients.spool.deliveries import WaitsFor
from streams.clients.spool.spool_database import now

FIRST_SECONDS, MOST_SECONDS = 0.5, 30.0


class MustWait(Exception):
    """It cannot be done now; nothing is lost, and it is tried again."""

    def __init__(
        self, code: str, found: str, fix: str | None = None, seconds: float | None = None
    ) -> None:
        """`seconds` is when the other side wants to be asked again."""
        super().__init__(f"{code}: {found}")
        self.code, self.found, self.seconds = code, found, seconds
        self.fix = fix_of(code) if fix is None else fix


class Attempts:
    """Counts attempts that failed in a row, and how long to wait for the next one."""

    def __init__(self) -> None:
        self._since, self._count = "", 0

    def failed(self, why: MustWait) -> tuple[WaitsFor, float]:
        """What is shown, and the seconds until the next attempt."""
        self._since = self._since or now()
        longest = min(MOST_SECONDS, FIRST_SECONDS * 2.0 ** min(self._count, 10))
        seconds = longest * random.uniform(0.5, 1)
        if why.seconds is not None:
            seconds = min(MOST_SECONDS, max(seconds, why.seconds))
        self._count += 1
        at = datetime.now(UTC) + timedelta(seconds=seconds)
        shown = WaitsFor(
            *(why.code, why.found, why.fix, self._since, self._count),
            next_attempt_at=f"{at:%Y-%m-%dT%H:%M:%S.%fZ}",
        )
        return shown, seconds

    def succeeded(self) -> None:
        """The next failure is the first one again."""
        self._since, self._count = "", 0
