"""Grades of measurements: coarse steps, so that a second run gives the same settings."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from streams.tuning.measurements import Measurements

PAGE_SECONDS_OF_REFERENCE = 1.2
"""Processor time of the measured page on the machine of the project's benchmarks."""
TOLERANCE = 1.5
"""A measurement that is this factor beyond the limits of the former grade does not change it."""
DISK_STEPS = (1, 2, 4, 8, 16, 32, 64, 128)
SYNC_STEPS = (0, 10, 40, 160)
SLOWNESS_STEPS = (1, 2, 4, 8)
LINE = re.compile(r"# measured: (.*)")


@dataclass(frozen=True)
class Grades:
    """A machine, as the settings depend on it."""

    cores: int
    memory_mb: int
    disk_mb_per_second: int
    """At least this much is written to disk in a second; the highest step means: fast enough."""
    sync_ms: int
    """A synchronous write takes at least this long."""
    slowness: int
    """At least how many times the time of the reference machine a page takes."""
    brokers: int = 1
    """Kafka brokers that `up` starts on this machine."""

    def line(self) -> str:
        """The line of the settings file that keeps the grades for the next run."""
        return "# measured: " + " ".join(f"{name}={value}" for name, value in asdict(self).items())


def grades_of(found: Measurements, former: Mapping[str, int], brokers: int = 1) -> Grades:
    """The grades of measurements; a former grade is kept if it is nearly right."""
    slowness = found.page_seconds / PAGE_SECONDS_OF_REFERENCE
    return Grades(
        cores=found.cores,
        memory_mb=found.memory_mb,
        disk_mb_per_second=_step(found.mb_per_second, DISK_STEPS, former.get("disk_mb_per_second")),
        sync_ms=_step(found.sync_ms, SYNC_STEPS, former.get("sync_ms")),
        slowness=_step(slowness, SLOWNESS_STEPS, former.get("slowness")),
        brokers=brokers,
    )


def former_grades(lines: list[str]) -> dict[str, int]:
    """The grades in a settings file; none if it has none."""
    for line in lines:
        if found := LINE.match(line):
            pairs = (pair.partition("=") for pair in found[1].split())
            return {name: int(value) for name, _, value in pairs if value.isdigit()}
    return {}


def _step(value: float, steps: tuple[int, ...], former: int | None) -> int:
    """The highest step that a value reaches, or the former one if the value is near it."""
    if former in steps:
        above = [step for step in steps if step > former]
        is_low = value < former / TOLERANCE
        is_high = bool(above) and value >= above[0] * TOLERANCE
        if not (is_low or is_high):
            return former
    return max((step for step in steps if step <= value), default=steps[0])
