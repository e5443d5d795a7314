"""What a worker says about the limits of its lanes."""

from pathlib import Path

from streams.runtime.lane_report import LaneReport, read_lane_report, write_lane_report
from streams.settings import Settings


def test_a_report_is_read_as_it_was_written(tmp_path: Path):
    report = LaneReport({"text": "20 tasks/min"}, {"text": 1000.5})

    write_lane_report(Settings(home=tmp_path), report)

    assert read_lane_report(Settings(home=tmp_path)) == report


def test_a_home_without_a_worker_has_an_empty_report(tmp_path: Path):
    assert read_lane_report(Settings(home=tmp_path)) == LaneReport()


def test_a_lane_is_held_until_the_time_in_the_report():
    report = LaneReport(held_until={"text": 1000.0})

    held = [report.holds("text", 999), report.holds("text", 1000), report.holds(None, 999)]

    assert held == [True, False, False]
