"""The limits of the lanes, read again when the settings file of the home changes."""

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from streams.lane_limits import LaneLimits, LaneProcesses
from streams.settings import Settings, SettingsError
from streams.settings_file import settings_file

log = logging.getLogger(__name__)

Signature = tuple[int, int, int]


@dataclass(frozen=True)
class LaneSettings:
    """The limits of all lanes at one moment; a lane that is not named has none."""

    limits: LaneLimits = field(default_factory=dict)
    processes: LaneProcesses = field(default_factory=dict)


class LaneSettingsReader:
    """Gives the limits once, and again after each change. A wrong file changes nothing."""

    def __init__(self, settings: Settings, environment: Mapping[str, str] = os.environ) -> None:
        """The limits in the settings of this process are the first."""
        self._file = settings_file(settings.home)
        self._environment = {**environment, "COPYSTAND_HOME": str(settings.home)}
        self._next: LaneSettings | None = _lanes_of(settings)
        self._last = self._next
        self._seen = self._signature()

    def __call__(self) -> LaneSettings | None:
        """The limits if they have changed since the last call, else None."""
        if (seen := self._signature()) != self._seen:
            self._seen = seen
            self._read()
        changed, self._next = self._next, None
        return changed

    def _read(self) -> None:
        try:
            found = _lanes_of(Settings.load(self._environment))
        except (SettingsError, OSError) as wrong:
            log.warning("settings file ignored", extra={"found": str(wrong)})
            return
        if found != self._last:
            log.info("lane limits changed", extra={"file": str(self._file)})
            self._last = self._next = found

    def _signature(self) -> Signature | None:
        try:
            found = self._file.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino


def _lanes_of(settings: Settings) -> LaneSettings:
    return LaneSettings(settings.lane_limits, settings.lane_processes)
