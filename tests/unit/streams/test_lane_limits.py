"""Limits of lanes are written in a variable and read with their units."""

import pytest

from processors.pipeline import worker_steps
from streams.lane_limits import WORKER_LANES, LaneLimit, read_limits, read_processes, words_of
from streams.settings import Settings, SettingsError


def refused(**environment: str) -> str:
    with pytest.raises(SettingsError) as error:
        Settings.load(environment)
    return str(error.value)


def test_a_lane_may_have_a_limit_of_each_kind():
    found = read_limits("text=20/min, masters=30MP/s,masters=8.5MB/s")

    assert found == {
        "text": (LaneLimit(20, "/min"),),
        "masters": (LaneLimit(30, "MP/s"), LaneLimit(8.5, "MB/s")),
    }
    assert words_of(found) == {"text": "20 tasks/min", "masters": "30 MP/s, 8.5 MB/s"}


def test_each_unit_counts_its_kind_per_second():
    limits = [LaneLimit(30, unit) for unit in ("/min", "MP/s", "MB/s")]

    assert [one.counts for one in limits] == ["tasks", "pixels", "bytes"]
    assert [one.per_second for one in limits] == [0.5, 30_000_000, 30_000_000]


def test_processes_are_given_by_lane():
    assert read_processes("text=1,derivatives=2") == {"text": 1, "derivatives": 2}


def test_every_lane_of_the_worker_can_be_limited():
    assert set(WORKER_LANES) == {step.lane for step in worker_steps()}


@pytest.mark.parametrize("text", ["text", "text=20", "text=0/min", "text=nan/min", "text=-1MB/s"])
def test_a_limit_needs_a_positive_number_and_a_unit(text: str):
    assert refused(COPYSTAND_LANE_LIMITS=text) == (
        f"COPYSTAND_LANE_LIMITS must be like text=20/min,masters=30MP/s,derivatives=8MB/s, got {text!r}"
    )


def test_an_unknown_lane_is_named_with_the_known_ones():
    assert refused(COPYSTAND_LANE_LIMITS="ocr=20/min") == (
        "COPYSTAND_LANE_LIMITS names the lane 'ocr'; lanes are preflight, masters, derivatives,"
        " text, metadata, enrichment, packages"
    )


def test_two_limits_of_a_kind_are_a_mistake():
    assert refused(COPYSTAND_LANE_LIMITS="text=20/min,text=30/min") == (
        "COPYSTAND_LANE_LIMITS names text in /min more than once"
    )
    assert refused(COPYSTAND_LANE_PROCESSES="text=1,text=2") == (
        "COPYSTAND_LANE_PROCESSES names text more than once"
    )


@pytest.mark.parametrize("text", ["text=0", "text=many", "text"])
def test_a_lane_needs_at_least_one_process(text: str):
    assert "must be like text=1,derivatives=2" in refused(COPYSTAND_LANE_PROCESSES=text)
