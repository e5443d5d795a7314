"""The file in which a worker says how its lanes are limited, for `status` and the watchdog."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field

from infra.files import read_json, write_atomic
from streams.runtime.role_files import role_file
from streams.settings import Settings


@dataclass(frozen=True)
class LaneReport:
    """The limits of the lanes of a worker."""

    limits: Mapping[str, str] = field(default_factory=dict)
    """The limits of each limited lane, in words."""
    held_until: Mapping[str, float] = field(default_factory=dict)
    """The time, in seconds of the epoch, at which a lane that waits long may go on."""

    def holds(self, lane: str | None, now: float) -> bool:
        """Whether a lane waits at this time because of its limit."""
        return now < self.held_until.get(lane or "", 0.0)


def write_lane_report(settings: Settings, report: LaneReport) -> None:
    """Replace the report of this home's worker."""
    file = role_file(settings, "worker", "lanes")
    # A full disk must not end the worker.
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(file, json.dumps(asdict(report)), durable=False)


def read_lane_report(settings: Settings) -> LaneReport:
    """The last report of this home's worker; empty without one."""
    found = read_json(role_file(settings, "worker", "lanes"))
    return LaneReport(found.get("limits", {}), found.get("held_until", {}))
