"""Events about the log: the same form for findings, anomalies and maintenance."""

from schemas.codec import decode, encode
from schemas.models import Agent, Head, PremisEvent, Producer
from streams.audit.log_events import ANOMALY, MAINTENANCE, log_event
from streams.audit.object_names import digest_in, file_name, is_file_name
from tests.support.audit_log import WHEN

BY = Producer(name="copystand/sealer", version="1.2.3")
HEAD = Head(event_id="e-1", revision=1, occurred_at=WHEN, producer=BY)


def test_an_event_with_a_code_reports_a_failure():
    event = log_event(ANOMALY, HEAD, "what was found", code="log.too-large", sources=["sha256:ab"])

    assert decode(encode(event), PremisEvent) == event
    assert (event.outcome, event.code, event.sources) == ("fai", "log.too-large", ("sha256:ab",))
    assert [(one.name, one.role) for one in event.agents] == [(BY.name, "executing program")]


def test_an_event_names_the_person_behind_the_program():
    person = Agent(type="person", name="p-4", role="authorizer")

    event = log_event(MAINTENANCE, HEAD, "what was done", persons=[person])

    assert (event.event_type, event.outcome, event.code) == ("log-maintenance", "suc", None)
    assert event.agents[-1] == person


def test_a_file_is_named_by_its_digest():
    assert file_name("ab") == "sha256:ab"
    assert digest_in("sha256:ab") == "ab"
    assert [is_file_name(one) for one in ("sha256:ab", "page:i-1:0001")] == [True, False]
