"""The night window of a line: the hours in which batches of priority `night` are admitted."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo

VARIABLE = "COPYSTAND_NIGHT"
FORM = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d-(?:[01]\d|2[0-3]):[0-5]\d")
DAY = timedelta(days=1)


@dataclass(frozen=True)
class NightWindow:
    """From one time of day to another, also across midnight, on the clock of this machine."""

    begins: time
    ends: time
    zone: tzinfo | None = None
    """None: the time zone of this machine."""

    def waits_until(self, now: datetime) -> datetime | None:
        """When the next window begins, in UTC; None inside the window."""
        local = now.astimezone(self.zone)
        clock = local.time()
        if self.begins < self.ends:
            night = self.begins <= clock < self.ends
        else:
            night = clock >= self.begins or clock < self.ends
        if night:
            return None
        begins = now + (_since_midnight(self.begins) - _since_midnight(clock)) % DAY
        # A change to or from daylight saving time makes the wait shorter or longer.
        shift = begins.astimezone(self.zone).utcoffset() - local.utcoffset()  # type: ignore[operator]
        begins -= shift if begins - shift > now else timedelta()
        return begins.astimezone(UTC)

    def __str__(self) -> str:
        return f"{self.begins:%H:%M}-{self.ends:%H:%M}"


def _since_midnight(clock: time) -> timedelta:
    return datetime.combine(datetime.min, clock) - datetime.min


def read_night_window(environment: Mapping[str, str], faults: list[str]) -> NightWindow | None:
    """The window from COPYSTAND_NIGHT, such as "20:00-06:00"; None when it is not set."""
    text = environment.get(VARIABLE, "")
    if not text:
        return None
    found = FORM.fullmatch(text)
    begins, ends = text.split("-") if found else ("00:00", "00:00")
    night = NightWindow(time.fromisoformat(begins), time.fromisoformat(ends))
    if night.begins == night.ends:
        faults.append(f'{VARIABLE} must be two times like "20:00-06:00", got {text!r}')
        return None
    return night
