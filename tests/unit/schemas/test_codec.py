"""Messages are encoded with the expected schema version."""

from schemas.codec import decode, encode, schema_id_of
from schemas.models import PremisEvent, Record
from schemas.store import schema_store
from tests.support.audit_log import an_event


def of_worker(event: PremisEvent, worker: str | None) -> PremisEvent:
    """The event, made by a worker."""
    producer = event.head.producer.model_copy(update={"worker": worker})
    return event.model_copy(update={"head": event.head.model_copy(update={"producer": producer})})


def schema_of(fact: Record) -> int:
    """Id of the schema that a fact is written with."""
    return schema_id_of(encode(fact))


def test_an_event_is_written_with_the_first_schema_that_has_all_its_fields():
    first, *later = schema_store().ids("PremisEvent")

    assert schema_of(of_worker(an_event(), None)) == first
    assert schema_of(of_worker(an_event(), "worker-7c1f09ae")) == later[0]


def test_an_event_is_decoded_completely_from_every_schema():
    for worker in (None, "worker-7c1f09ae"):
        event = of_worker(an_event(), worker)

        assert decode(encode(event)) == event
