"""Events made from facts: the transition first, then each act."""

import pytest

from processors.premis import event_type_uri, events_of
from schemas import ids
from schemas.models import Act, Agent
from tests.support.builders import a_head, a_page


def test_the_transition_comes_first_and_names_the_producing_software():
    (event,) = events_of(a_page())

    assert event.ordinal == 0
    assert event.fact == "PageAdmitted"
    assert event.event_type == "admission"
    assert event.outcome == "suc"
    assert event.agents[0].name == "copystand/test"
    assert event.sources == ("page:vol-1:0001",)


def test_each_act_is_an_event_of_its_own():
    act = Act(
        type="fixity check",
        outcome="fai",
        code="page.fixity-mismatch",
        detail="SHA-256 differs",
        agents=(Agent(type="software", name="hashlib", role="executing program"),),
        sources=("sha256:00",),
    )

    _, event = events_of(a_page(acts=(act,)))

    assert event.ordinal == 1
    assert (event.event_type, event.outcome, event.code) == (act.type, "fai", act.code)
    assert event.event_type_uri == "http://id.loc.gov/vocabulary/preservation/eventType/fix"
    assert event.agents[1].name == "hashlib"


def test_ids_come_from_the_fact():
    head = a_head()

    (event,) = events_of(a_page(head=head))

    assert event.head.event_id == ids.premis_id(head.event_id, 0)
    assert event.head.cause_id == head.event_id
    assert event.head.occurred_at == head.occurred_at


def test_the_same_fact_gives_the_same_events():
    assert events_of(a_page()) == events_of(a_page())


def test_a_type_of_no_vocabulary_is_refused():
    with pytest.raises(KeyError, match="no vocabulary"):
        event_type_uri("fixity chek")
