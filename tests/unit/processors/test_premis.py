"""Events made from facts: the transition first, then each act."""

import pytest

from processors.pipeline import transition
from processors.premis import detail_text, event_type_uri, events_of
from schemas import ids
from schemas.models import Act, Agent, PageAdmitted, Producer
from tests.support.builders import a_head, a_page

A_TOOL = Agent(type="software", name="hashlib", role="executing program")


def test_the_transition_comes_first_and_names_the_producing_software():
    (event,) = events_of(a_page())

    assert event.ordinal == 0
    assert event.fact == "PageAdmitted"
    assert event.event_type == "admission"
    assert event.outcome == "suc"
    assert event.agents[0].name == "copystand/test"
    assert event.sources == ("page:vol-1:0001",)


def test_every_event_names_the_worker_after_the_program():
    producer = Producer(name="copystand/test", version="0.2.0", worker="worker-7c1f09ae")
    act = Act(type="validation", outcome="suc", detail="Well formed", agents=(A_TOOL,))

    transition, of_act = events_of(a_page(head=a_head(producer=producer), acts=(act,)))

    program, worker = transition.agents
    assert (program.name, program.role) == ("copystand/test", "executing program")
    assert worker == Agent(type="software", name="worker-7c1f09ae", role="implementer")
    assert of_act.agents == (program, worker, A_TOOL)


def test_a_fact_that_names_no_worker_gives_events_that_name_none():
    (event,) = events_of(a_page())

    assert [agent.role for agent in event.agents] == ["executing program"]


def test_each_act_is_an_event_of_its_own():
    act = Act(
        type="fixity check",
        outcome="fai",
        code="page.fixity-mismatch",
        detail="SHA-256 differs",
        agents=(A_TOOL,),
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


@pytest.mark.parametrize("version", ["0.1.0", "0.1.0+step.2", "0.1.12"])
def test_a_fact_of_a_version_before_0_2_keeps_the_texts_of_its_time(version: str):
    (event,) = events_of(made_by(version))

    assert event.detail == "Page 0001, page, admitted with priority normal."


@pytest.mark.parametrize(
    "version", ["0.2.0", "0.2.0+step.1", "0.10.0", "1.0.0", "1", "", "0.0.0+uninstalled", "0.1.0 "]
)
def test_a_fact_of_any_other_version_has_the_texts_of_the_table(version: str):
    (event,) = events_of(made_by(version))

    assert event.detail == "Page 0001 (page) admitted with priority normal."


def made_by(version: str) -> PageAdmitted:
    """A fact made by a version of this software."""
    return a_page(head=a_head(producer=Producer(name="copystand/tracker", version=version)))


def test_each_version_has_the_text_that_the_next_change_replaced(
    monkeypatch: pytest.MonkeyPatch,
):
    changes = (((0, 2, 0), {"PageAdmitted": "first"}), ((0, 3, 0), {"PageAdmitted": "second"}))
    monkeypatch.setattr("processors.premis.OLD_TEXTS", changes)

    texts = [detail_text(made_by(f"0.{minor}.0")) for minor in range(1, 4)]

    assert texts[:2] == ["first", "second"]
    assert texts[2] == transition("PageAdmitted").detail
