"""The file with the limits: what it may contain, and which rate applies when."""

from datetime import datetime
from pathlib import Path

import pytest

from streams.traffic.link_buckets import TrafficClass
from streams.traffic.traffic_settings import (
    LARGEST_BYTES,
    TrafficSettings,
    TrafficSettingsError,
    parsed_settings,
)

FILE = Path("traffic.toml")
WEEK = b"""
[link]
rate_mbit = 100

[classes.masters]
minimum_percent = 60
burst_mb = 2

[[schedule]]
days = ["mon", "tue", "wed", "thu", "fri"]
from = "08:00"
to = "18:00"
rate_mbit = 20

[[schedule]]
days = ["fri"]
from = "22:00"
to = "02:00"
rate_mbit = 500

[[schedule]]
days = ["sun"]
rate_mbit = 200
"""


def parsed(text: bytes) -> TrafficSettings:
    return parsed_settings(text, FILE)


@pytest.mark.parametrize(
    ("day_and_time", "rate"),
    [
        ("2026-11-30 07:59", 100),  # a Monday
        ("2026-11-30 08:00", 20),
        ("2026-11-30 17:59", 20),
        ("2026-11-30 18:00", 100),
        ("2026-12-04 22:00", 500),
        ("2026-12-05 01:59", 500),  # the Friday's night
        ("2026-12-05 02:00", 100),
        ("2026-12-04 01:59", 100),  # Thursday has none
        ("2026-12-06 00:00", 200),
        ("2026-12-06 23:59", 200),
        ("2026-12-07 00:00", 100),
    ],
)
def test_the_schedule_sets_the_rate_at_its_hours(day_and_time: str, rate: float):
    assert parsed(WEEK).rate_at(datetime.fromisoformat(day_and_time)) == rate


def test_the_first_entry_that_applies_counts():
    both = parsed(b"[[schedule]]\nrate_mbit = 1\n[[schedule]]\nrate_mbit = 2\n")

    assert both.rate_at(datetime(2026, 11, 30)) == 1


def test_a_class_has_its_share_of_the_rate_of_the_hour():
    rates = parsed(WEEK).link_rates(datetime(2026, 11, 30, 12))

    assert rates is not None and rates.total == 2_500_000
    assert rates.minimums[TrafficClass.MASTERS] == pytest.approx(1_500_000)
    assert rates.minimums[TrafficClass.REPAIR] == pytest.approx(125_000)
    assert rates.bursts[TrafficClass.MASTERS] == 2_000_000
    assert sum(rates.minimums.values()) <= rates.total


def test_without_a_rate_there_is_no_limit():
    assert parsed(b"").link_rates(datetime(2026, 11, 30)) is None
    night = parsed(b'[[schedule]]\nfrom = "20:00"\nto = "06:00"\nrate_mbit = 5\n')
    assert night.rate_at(datetime(2026, 11, 30, 12)) is None
    assert night.rate_at(datetime(2026, 11, 30, 21)) == 5


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"[link]\nrate_mbit = 0\n", "link.rate_mbit: "),
        (b"[link]\nrate_mbit = nan\n", "link.rate_mbit: "),
        (b"[link]\nrate = 5\n", "link.rate: "),
        (b"[classes.scans]\nminimum_percent = 5\n", "classes.scans: "),
        (b"[classes.masters]\nminimum_percent = 0\n", "classes.masters.minimum_percent: "),
        (b"[classes.masters]\nminimum_percent = 80\n", "together 105 %, more than 100 %"),
        (
            b'[[schedule]]\nrate_mbit = 1\n[[schedule]]\nfrom = "8"\nrate_mbit = 1',
            "schedule.2.from: ",
        ),
        (b'[[schedule]]\nto = "24:30"\nrate_mbit = 1', "must be a time such as 08:30, got '24:30'"),
        (b'[[schedule]]\ndays = ["monday"]\nrate_mbit = 1', "schedule.1.days.1: "),
        (b'[[schedule]]\nfrom = "08:00"\n', "schedule.1.rate_mbit: "),
        (b"[link\n", "traffic.toml: "),
        (b"\xff\xfe", "traffic.toml: "),
        (b"#" * (LARGEST_BYTES + 1), "longer than 100000 bytes"),
    ],
)
def test_a_wrong_file_is_refused_with_the_place(text: bytes, found: str):
    with pytest.raises(TrafficSettingsError) as refused:
        parsed(text)

    assert found in str(refused.value)
