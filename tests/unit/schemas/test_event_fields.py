"""The fast reader gives of every value what the decoder of all messages gives."""

from functools import partial

import pytest

from schemas import event_fields as reader
from schemas.codec import PREFIX, Undecodable, decode, encode
from schemas.event_fields import EventFields, event_fields, fields_of
from schemas.models import PremisEvent
from schemas.store import schema_store
from tests.support.audit_log import an_event
from tests.support.changed_events import VALUES, changed_values

SEED = 16
MUTATIONS = 4000


def slowly(value: bytes | None) -> EventFields | str:
    """What the decoder of all messages gives: the fields, or why there are none."""
    try:
        return fields_of(decode(value, PremisEvent))
    except Undecodable as wrong:
        return str(wrong)


def quickly(value: bytes | None) -> EventFields | str:
    """What the fast reader gives."""
    try:
        return event_fields(value)
    except Undecodable as wrong:
        return str(wrong)


@pytest.mark.parametrize("value", VALUES)
def test_all_fields_of_an_event_are_read_without_the_decoder(
    value: bytes, monkeypatch: pytest.MonkeyPatch
):
    wanted = slowly(value)
    monkeypatch.setattr(reader, "decode", partial(pytest.fail, "the decoder was asked"))

    assert event_fields(value) == wanted


def test_the_fields_are_those_of_the_latest_schema_and_all_versions_are_read():
    ids = schema_store().ids("PremisEvent")

    assert len({value[: PREFIX.size] for value in VALUES}) == len(ids)
    assert all(reader._reader(number) is not None for number in ids)


def test_changed_bytes_are_read_as_the_decoder_reads_them():
    outcomes = set()
    for value in changed_values(SEED, MUTATIONS):
        found, wanted = quickly(value), slowly(value)

        assert found == wanted, value.hex()
        outcomes.add(type(found))
    assert outcomes == {EventFields, str}


@pytest.mark.parametrize("value", [None, b"", b"\0", b"\1abcd", encode(an_event())[:-1], b"\0" * 9])
def test_what_is_not_an_event_has_the_reason_of_the_decoder(value: bytes | None):
    assert quickly(value) == slowly(value)
    assert isinstance(quickly(value), str)


def test_an_array_that_begins_with_its_length_in_bytes_is_read():
    value = VALUES[0]
    one_source = b"\x02\x1apage:i-1:0001\x00"
    assert value.count(one_source) == 1
    with_length = b"\x01\x1c\x1apage:i-1:0001\x00"

    assert event_fields(value.replace(one_source, with_length)) == event_fields(value)
