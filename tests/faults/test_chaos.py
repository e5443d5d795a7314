"""Misfortunes of all kinds happen to a line with three brokers: all is there afterwards, each once."""

import pytest

from tests.faults.chaos.run import Ran, chaos

SEED, SECONDS, GAP_SECONDS = 11, 80, 2.2
"""`make chaos` runs others, and longer."""


@pytest.fixture(scope="module")
def ran() -> Ran:
    """The whole run."""
    return chaos(SEED, SECONDS, GAP_SECONDS)


@pytest.mark.timeout(900)
def test_nothing_is_lost_nothing_is_there_twice_and_all_drains(ran: Ran):
    assert ran.verdict.all() == []


def test_enough_happened_to_enough_pages(ran: Ran):
    assert len(ran.kinds) >= 15, ran.missed
    assert sum(ran.kinds.values()) >= 25, ran.missed
    assert ran.pages >= 60
