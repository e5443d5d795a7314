"""The night of a line: the hours of the day in which batches of priority `night` are admitted."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo

VARIABLE = "COPYSTAND_NIGHT"
FORM = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d-(?:[01]\d|2[0-3]):[0-5]\d")
DAY = timedelta(days=1)


@dataclass(frozen=True)
class NightWindow:
    """From one time of the day until another, perhaps over midnight, on the line's own clock."""

    begins: time
    ends: time
    zone: tzinfo | None = None
    """None: the time zone of this machine."""

    def waits_until(self, now: datetime) -> datetime | None:
        """When the next night begins, in UTC; None while it is night."""
        local = now.astimezone(self.zone)
        clock = local.time()
        if self.begins < self.ends:
            night = self.begins <= clock < self.ends
        else:
            night = clock >= self.begins or clock < self.ends
        if night:
            return None
        begins = now + (_since_midnight(self.begins) - _since_midnight(clock)) % DAY
        # Where the clock is put forward or back meanwhile, the wait is as much shorter or longer.
        put_forward = begins.astimezone(self.zone).utcoffset() - local.utcoffset()  # type: ignore[operator]
        begins -= put_forward if begins - put_forward > now else timedelta()
        return begins.astimezone(UTC)

    def __str__(self) -> str:
        return f"{self.begins:%H:%M}-{self.ends:%H:%M}"


def _since_midnight(clock: time) -> timedelta:
    return datetime.combine(datetime.min, clock) - datetime.min


def read_night_window(environment: Mapping[str, str], faults: list[str]) -> NightWindow | None:
    """The night as COPYSTAND_NIGHT gives it, "20:00-06:00"; None without one: always."""
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
