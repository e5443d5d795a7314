"""The night window: the hours of the day in which batches of priority `night` are admitted."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo

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
        """When the next night begins, in UTC; None at night."""
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
        put_forward = begins.astimezone(self.zone).utcoffset() - local.utcoffset()  # type: ignore[operator]
        begins -= put_forward if begins - put_forward > now else timedelta()
        return begins.astimezone(UTC)

    def __str__(self) -> str:
        return f"{self.begins:%H:%M}-{self.ends:%H:%M}"


def _since_midnight(clock: time) -> timedelta:
    return datetime.combine(datetime.min, clock) - datetime.min


def read_night_window(text: str | NightWindow | None) -> NightWindow | None:
    """The night as COPYSTAND_NIGHT gives it, "20:00-06:00"; None for none. Raises ValueError."""
    if text is None or isinstance(text, NightWindow):
        return text
    if not FORM.fullmatch(text):
        raise ValueError
    begins, ends = map(time.fromisoformat, text.split("-"))
    night = NightWindow(begins, ends)
    if night.begins == night.ends:
        raise ValueError
    return night
