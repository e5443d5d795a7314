"""The night window: the hours of the day in which batches of priority `night` are admitted."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo

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
        # A change to or from daylight saving time shortens or lengthens the wait.
        shift = begins.astimezone(self.zone).utcoffset() - local.utcoffset()  # type: ignore[operator]
        begins -= shift if begins - shift > now else timedelta()
        return begins.astimezone(UTC)

    def __str__(self) -> str:
        return f"{self.begins:%H:%M}-{self.ends:%H:%M}"


def _since_midnight(clock: time) -> timedelta:
    return datetime.combine(datetime.min, clock) - datetime.min


def read_night_window(text: str | NightWindow | None) -> NightWindow | None:
    """The window of a text such as "20:00-06:00"; None without a text. Raises ValueError."""
    if text is None or isinstance(text, NightWindow):
        return text
    if not FORM.fullmatch(text):
        raise ValueError
    begins, ends = map(time.fromisoformat, text.split("-"))
    night = NightWindow(begins, ends)
    if night.begins == night.ends:
        raise ValueError
    return night
