"""Misfortunes of all kinds happen to a line with three brokers: all is there afterwards, each once."""

import pytest

from tests.faults.chaos.run import Ran, chaos

SEED, SECONDS, GAP_SECONDS, AHEAD, PAGES = 11, 90, 1.6, 50, 120
"""`make chaos` runs others, and with more pages."""


@pytest.fixture(scope="module")
def ran() -> Ran:
    """The whole run."""
    return chaos(SEED, SECONDS, GAP_SECONDS, AHEAD, at_least=PAGES, compared=3)


@pytest.mark.timeout(900)
def test_nothing_is_lost_nothing_is_there_twice_and_all_drains(ran: Ran):
    assert ran.verdict.all() == []


def test_enough_happened_to_enough_pages(ran: Ran):
    assert len(ran.kinds) >= 20, ran.missed
    assert sum(ran.kinds.values()) >= 50, ran.missed
    assert ran.pages >= PAGES


def test_batches_went_through_a_spool_and_items_were_delivered_again(ran: Ran):
    # The second batch is queued, and two items of the first one have a later version.
    assert ran.spooled[:1] == [f"chaos-{SEED}-001"]
    first = f"chaos-{SEED}-000"
    assert ran.versions[:2] == [f"{first}-replaces", f"{first}-supplements"]


def test_three_brokers_take_nothing_without_a_login(ran: Ran):
    assert set(ran.without_login.values()) <= {"_MSG_TIMED_OUT", "_TRANSPORT"}
    assert len(ran.without_login) == 1


def test_rush_batches_were_among_them_and_in_time(ran: Ran):
    assert ran.rush_seconds.keys() == ran.rushed.keys() == ran.rush_alone.keys() != set()
    assert ran.late() == []
