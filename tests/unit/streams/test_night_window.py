"""The hours of the night window."""

import time as clock
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta, timezone

import pytest

from streams.night_window import NightWindow
from streams.settings import Settings, SettingsError

OVER_MIDNIGHT = NightWindow(time(20), time(6), timezone(timedelta(hours=-5)))
AFTER_LUNCH = NightWindow(time(13), time(14, 30), timezone(timedelta(hours=2)))


@pytest.mark.parametrize(
    ("window", "local", "begins"),
    [
        (OVER_MIDNIGHT, "2026-03-01T19:59:59", "2026-03-01T20:00:00"),
        (OVER_MIDNIGHT, "2026-03-01T20:00:00", None),
        (OVER_MIDNIGHT, "2026-03-02T05:59:59", None),
        (OVER_MIDNIGHT, "2026-03-02T06:00:00", "2026-03-02T20:00:00"),
        (AFTER_LUNCH, "2026-03-01T12:59:59", "2026-03-01T13:00:00"),
        (AFTER_LUNCH, "2026-03-01T14:29:59", None),
        (AFTER_LUNCH, "2026-03-01T14:30:00", "2026-03-02T13:00:00"),
    ],
)
def test_night_work_waits_until_the_window_begins(window, local, begins):
    zoned = lambda text: datetime.fromisoformat(text).replace(tzinfo=window.zone)  # noqa: E731

    waits_until = window.waits_until(zoned(local).astimezone(UTC))

    assert waits_until == (begins and zoned(begins))


@pytest.fixture
def machine_in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The rules in POSIX form, since not every machine has a time zone database."""
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
        clock.tzset()
        yield
    clock.tzset()


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_a_change_of_daylight_saving_time_never_gives_a_moment_in_the_past(machine_in_berlin, day):
    window = NightWindow(time(2, 30), time(5))
    midnight = datetime.fromisoformat(day).astimezone(UTC)

    for minute in range(0, 26 * 60, 10):
        now = midnight + timedelta(minutes=minute)
        waits_until = window.waits_until(now)
        assert waits_until is None or now < waits_until <= now + timedelta(hours=25)


def test_the_window_is_read_from_the_environment():
    window = Settings.load({"COPYSTAND_NIGHT": "20:00-06:00"}).night

    assert window == NightWindow(time(20), time(6))
    assert Settings.load({}).night is None


@pytest.mark.parametrize("text", ["20-6", "24:00-06:00", "20:00-20:00", "20:00-06:00:00", "night"])
def test_an_invalid_window_is_a_mistake_in_the_settings(text):
    with pytest.raises(SettingsError, match="COPYSTAND_NIGHT must be two times"):
        Settings.load({"COPYSTAND_NIGHT": text})
