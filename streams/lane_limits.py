"""Limits of the lanes of a worker: how much it begins per minute or second, and in how many child
processes at once."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from streams.machine import MEGABYTE
from streams.settings_fields import Mistake

MEGAPIXEL = 1_000_000
WORKER_LANES = (
    "preflight", "masters", "derivatives", "text", "metadata", "enrichment", "packages",
)  # fmt: skip
"""The lanes of the worker's steps, without the table of steps, which takes a while to load."""
UNITS = {"/min": ("tasks", 1 / 60), "MP/s": ("pixels", MEGAPIXEL), "MB/s": ("bytes", MEGABYTE)}
"""What a unit counts, and how many of it per second one such unit is."""
WORDS = {"/min": " tasks/min", "MP/s": " MP/s", "MB/s": " MB/s"}
Counts = dict[str, float]
"""A number for each of tasks, pixels and bytes."""


@dataclass(frozen=True)
class LaneLimit:
    """How much of one kind a lane may begin."""

    number: float
    unit: str

    @property
    def counts(self) -> str:
        """What it limits: tasks, pixels or bytes."""
        return UNITS[self.unit][0]

    @property
    def per_second(self) -> float:
        """The number of tasks, pixels or bytes per second."""
        return self.number * UNITS[self.unit][1]

    def __str__(self) -> str:
        return f"{self.number:g}{WORDS[self.unit]}"


LaneLimits = dict[str, tuple[LaneLimit, ...]]
LaneProcesses = dict[str, int]


def read_limits(text: str | LaneLimits) -> LaneLimits:
    """Limits given as `text=20/min,masters=30MP/s,masters=8MB/s`. Raises ValueError."""
    if isinstance(text, dict):
        return text
    found: dict[str, dict[str, LaneLimit]] = {}
    for lane, value in _pairs(text):
        unit = next((unit for unit in UNITS if value.endswith(unit)), None)
        if unit is None:
            raise ValueError
        number = float(value.removesuffix(unit))
        if not (math.isfinite(number) and number > 0):
            raise ValueError
        if unit in found.setdefault(lane, {}):
            raise Mistake(f"names {lane} in {unit} more than once")
        found[lane][unit] = LaneLimit(number, unit)
    return {lane: tuple(limits.values()) for lane, limits in found.items()}


def read_processes(text: str | LaneProcesses) -> LaneProcesses:
    """Numbers of child processes given as `text=1,derivatives=1`. Raises ValueError."""
    if isinstance(text, dict):
        return text
    found: LaneProcesses = {}
    for lane, value in _pairs(text):
        if lane in found:
            raise Mistake(f"names {lane} more than once")
        found[lane] = int(value)
        if found[lane] < 1:
            raise ValueError
    return found


def counts_of(tasks: int = 0, pixels: int = 0, size_bytes: int = 0) -> Counts:
    """What a task costs, for each kind of limit."""
    return {"tasks": tasks, "pixels": pixels, "bytes": size_bytes}


def words_of(limits: Mapping[str, tuple[LaneLimit, ...]]) -> dict[str, str]:
    """The limits of each lane, as text for people."""
    return {lane: ", ".join(map(str, ones)) for lane, ones in limits.items()}


def _pairs(text: str) -> list[tuple[str, str]]:
    """Lane and value of each part of a setting. Raises ValueError, Mistake for an unknown lane."""
    pairs = []
    for part in text.split(","):
        lane, _, value = (word.strip() for word in part.partition("="))
        if lane not in WORKER_LANES:
            raise Mistake(f"names the lane {lane!r}; lanes are {', '.join(WORKER_LANES)}")
        pairs.append((lane, value))
    return pairs
