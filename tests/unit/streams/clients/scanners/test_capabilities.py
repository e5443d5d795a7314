"""Which values a device accepts."""

import pytest

from streams.clients.scanners.capabilities import Choice, Source, Steps


@pytest.mark.parametrize(
    ("value", "accepted"),
    [
        (1, True),
        (1200, True),
        (300, True),
        (0.5, False),
        (1201, False),
        (99999, False),
        (300.4, False),
    ],
)
def test_accepts_only_values_on_a_step(value: float, accepted: bool):
    assert Steps(1, 1200, 1).accepts(value) is accepted


def test_no_value_that_is_not_a_number_is_accepted():
    assert not Steps(1, 1200).accepts(float("nan"))
    assert not Steps(1, 1200).accepts(float("inf"))


def test_the_last_value_is_accepted_although_no_step_ends_on_it():
    assert Steps(0, 215.9, 0.1).accepts(215.9)
    assert Steps(100, 250, 100).accepts(250)


@pytest.mark.parametrize(
    ("values", "wanted", "found"),
    [
        (Steps(50, 1200, 50), 300, 300),
        (Steps(50, 1200, 50), 301, 350),
        (Steps(400, 1200, 1), 300, 400),
        (Steps(50, 200, 1), 300, None),
        (Steps(50, 200), 120.5, 120.5),
        (Choice((75, 150, 600)), 300, 600),
        (Choice((75, 150)), 300, None),
    ],
)
def test_finds_the_lowest_value_that_is_high_enough(values, wanted: float, found: float | None):
    assert values.lowest_from(wanted) == found


def test_only_feeders_give_several_pages_at_one_start():
    assert [one for one in Source if one.is_feeder] == [Source.FEEDER, Source.FEEDER_DUPLEX]
