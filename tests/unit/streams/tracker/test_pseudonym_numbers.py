"""The numbers of pseudonyms in facts, which are never given to another person."""

import pytest

from schemas.models import ControlRequested
from streams.tracker.pseudonym_numbers import highest_number
from streams.tracker.unit_of_work import StoredFact
from tests.support.builders import a_head


def a_request(by: str) -> StoredFact:
    fact = ControlRequested(
        head=a_head(),
        action="pause",
        subjects=["batch:b-1"],
        by=by,
        reason="r",
        value=None,
        files=[],
    )
    return StoredFact(fact, b"")


def test_the_highest_number_counts():
    assert highest_number([a_request("p-4"), a_request("p-17"), a_request("p-5")]) == 17


@pytest.mark.parametrize("by", ["o-17", "p-", "p-1x", "xp-3", "p-" + "9" * 19, "Anna"])
def test_only_pseudonyms_that_the_counter_can_give_count(by: str):
    assert highest_number([a_request(by)]) == 0


def test_no_facts_have_no_number():
    assert highest_number([]) == 0


def test_a_registered_pseudonym_counts_also_when_another_person_asked():
    request = a_request("p-4").fact.model_copy(update={"subjects": ("person:p-9",)})

    assert highest_number([StoredFact(request, b"")]) == 9
