"""Follows `traffic.toml` while processes run: a changed file acts at once, a wrong one does not."""

import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from infra.files import write_atomic
from streams.traffic.link_buckets import LinkRates
from streams.traffic.traffic_settings import (
    FILE_NAME,
    ScheduleEntry,
    TrafficSettings,
    TrafficSettingsError,
    parsed_settings,
    read_limited,
)

log = logging.getLogger(__name__)

CODE = "traffic.settings-wrong"
LOOK_SECONDS = 1.0
"""How often a process looks for a changed file, and for the next entry of the schedule."""
Signature = tuple[int, int, int]


def local_now() -> datetime:
    """The time on the clock of this machine."""
    return datetime.now().astimezone()


class TrafficFile:
    """The settings in force in a folder; None without a file."""

    def __init__(self, folder: Path, wall: Callable[[], datetime] = local_now) -> None:
        """Nothing is read yet."""
        self.file = folder / FILE_NAME
        self._accepted, self._wall = folder / "run" / "traffic-accepted.toml", wall
        self._seen: Signature | None = None
        self._look_at = float("-inf")
        self.settings: TrafficSettings | None = None
        self.rates: LinkRates | None = None
        """What may pass now; None for no limit."""
        self.fault: str | None = None
        """Why the file is not in force."""

    def look(self, now: float) -> None:
        """Read what has changed, if it is time to look; `now` is of a monotonic clock."""
        if now < self._look_at:
            return
        self._look_at = now + LOOK_SECONDS
        seen = _signature(self.file)
        if seen != self._seen:
            self._seen = seen
            self._read()
        self.rates = self.settings.link_rates(self._wall()) if self.settings else None

    def entry(self) -> ScheduleEntry | None:
        """The entry of the schedule that applies now."""
        return self.settings.entry_at(self._wall()) if self.settings else None

    def _read(self) -> None:
        try:
            content = read_limited(self.file)
            self.settings, self.fault = parsed_settings(content, self.file), None
        except FileNotFoundError:
            self.settings, self.fault = None, None
            with suppress(OSError):
                self._accepted.unlink(missing_ok=True)
        except (TrafficSettingsError, OSError) as wrong:
            self.fault = str(wrong)
            log.warning("traffic settings refused", extra={"code": CODE, "found": self.fault})
            # A process that starts now has no earlier ones of its own.
            self.settings = self.settings or _accepted(self._accepted)
        else:
            self._keep(content)

    def _keep(self, content: bytes) -> None:
        """Keep valid settings for processes that start after a wrong file replaced them."""
        with suppress(OSError):
            if not self._accepted.exists() or self._accepted.read_bytes() != content:
                self._accepted.parent.mkdir(parents=True, exist_ok=True)
                write_atomic(self._accepted, content)


def _accepted(file: Path) -> TrafficSettings | None:
    try:
        return parsed_settings(read_limited(file), file)
    except (TrafficSettingsError, OSError):
        return None


def _signature(file: Path) -> Signature | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_size, found.st_ino)
