"""The file `traffic.toml`: the rate of the link, the minimum of each class, a weekly schedule."""

import tomllib
from datetime import datetime, time, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from streams.traffic.link_buckets import LinkRates, TrafficClass

FILE_NAME = "traffic.toml"
BYTES_OF_MBIT = 125_000
BYTES_OF_MB = 1_000_000
PERCENT = 100
LARGEST_BYTES = 100_000


class TrafficSettingsError(ValueError):
    """A file is not valid; the text says where and why."""


class Weekday(StrEnum):
    """Days of the week, Monday first."""

    MON, TUE, WED, THU, FRI, SAT, SUN = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _clock(text: object) -> time:
    if isinstance(text, time):
        return text
    try:
        found = datetime.strptime(str(text), "%H:%M").time()
    except ValueError:
        raise ValueError(f"must be a time such as 08:30, got {text!r}") from None
    return found


Clock = Annotated[time, BeforeValidator(_clock)]
Rate = Annotated[float, Field(gt=0, le=1_000_000, allow_inf_nan=False)]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Link(_Table):
    """The link of this machine; each direction has the rate."""

    rate_mbit: Rate | None = None
    """At times that are not in the schedule; None for no limit."""


class ClassLimits(_Table):
    """One class."""

    # At least 1: a class without a minimum could wait without end.
    minimum_percent: float = Field(ge=1, le=PERCENT)
    burst_mb: float = Field(default=1.0, ge=0.1, le=10_000)
    """What it may send at once after idle time, in addition."""


class Classes(_Table):
    """All of them, with what applies to a class that the file does not name."""

    masters: ClassLimits = ClassLimits(minimum_percent=50)
    access: ClassLimits = ClassLimits(minimum_percent=10)
    packages: ClassLimits = ClassLimits(minimum_percent=10)
    repair: ClassLimits = ClassLimits(minimum_percent=5)

    def of(self, which: TrafficClass) -> ClassLimits:
        """The limits of a class."""
        found: ClassLimits = getattr(self, which.value)
        return found

    @model_validator(mode="after")
    def _fit(self) -> "Classes":
        total = sum(self.of(which).minimum_percent for which in TrafficClass)
        if total > PERCENT:
            raise ValueError(f"the minimums are together {total:g} %, more than {PERCENT} %")
        return self


class ScheduleEntry(_Table):
    """A rate at some hours of some days, on the clock of this machine."""

    days: tuple[Weekday, ...] = tuple(Weekday)
    begins: Clock = Field(default=time(), alias="from")
    ends: Clock = Field(default=time(), alias="to")
    """The same time as `from` means 24 hours later; an earlier one is of the next day."""
    rate_mbit: Rate

    def covers(self, now: datetime) -> bool:
        """Whether it applies at a local time."""
        clock = now.time()
        if self.begins < self.ends:
            return self._has(now) and self.begins <= clock < self.ends
        yesterday = now - timedelta(days=1)
        return (self._has(now) and clock >= self.begins) or (
            self._has(yesterday) and clock < self.ends
        )

    def _has(self, day: datetime) -> bool:
        return list(Weekday)[day.weekday()] in self.days

    def __str__(self) -> str:
        return f"{','.join(self.days)} {self.begins:%H:%M}-{self.ends:%H:%M}"


class TrafficSettings(_Table):
    """The content of a file."""

    link: Link = Link()
    classes: Classes = Classes()
    schedule: tuple[ScheduleEntry, ...] = ()

    def entry_at(self, now: datetime) -> ScheduleEntry | None:
        """The first entry that applies at a local time."""
        return next((entry for entry in self.schedule if entry.covers(now)), None)

    def rate_at(self, now: datetime) -> float | None:
        """Mbit/s at a local time; None for no limit."""
        entry = self.entry_at(now)
        return entry.rate_mbit if entry else self.link.rate_mbit

    def link_rates(self, now: datetime) -> LinkRates | None:
        """What may pass in each direction at a local time; None for no limit."""
        rate = self.rate_at(now)
        if rate is None:
            return None
        total = rate * BYTES_OF_MBIT
        of_class = {which: self.classes.of(which) for which in TrafficClass}
        return LinkRates(
            total,
            {which: total * one.minimum_percent / PERCENT for which, one in of_class.items()},
            {which: one.burst_mb * BYTES_OF_MB for which, one in of_class.items()},
        )


def read_limited(file: Path) -> bytes:
    """The content of a file, or its beginning if it is too long. Raises OSError."""
    with file.open("rb") as opened:
        return opened.read(LARGEST_BYTES + 1)


def parsed_settings(content: bytes, file: Path) -> TrafficSettings:
    """The settings that are the content of a file. Raises TrafficSettingsError."""
    if len(content) > LARGEST_BYTES:
        raise TrafficSettingsError(f"{file}: longer than {LARGEST_BYTES} bytes")
    try:
        return TrafficSettings.model_validate(tomllib.loads(content.decode("utf-8")))
    except ValidationError as refused:
        raise TrafficSettingsError(f"{file}: {'; '.join(_mistakes(refused))}") from refused
    except ValueError as unreadable:
        raise TrafficSettingsError(f"{file}: {unreadable}") from unreadable


def _mistakes(refused: ValidationError) -> list[str]:
    """One text for each; entries of the schedule are counted from 1."""
    return [
        ".".join(str(part + 1 if isinstance(part, int) else part) for part in error["loc"])
        + f": {error['msg'].removeprefix('Value error, ')}"
        for error in refused.errors()
    ]
