"""The fast reader gives of every value what the decoder of all messages gives."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial

import pytest

from schemas import event_fields as reader
from schemas.codec import PREFIX, Undecodable, decode, encode
from schemas.event_fields import EventFields, event_fields, fields_of
from schemas.models import Agent, PremisEvent, Producer
from schemas.store import schema_store
from tests.support.audit_log import an_event

SEED = 16
MUTATIONS = 4000


def events() -> Iterator[PremisEvent]:
    """Events with short, long and many values, in both versions of the schema."""
    yield an_event()
    yield an_event(1, "é \x00 " * 5000, batch_id=None, item_id=None, page_id=None, cause_id=None)
    long_ago = datetime(1843, 5, 4, 9, 30, 0, 1, tzinfo=UTC)
    yield an_event(2, "", revision=-(2**40), occurred_at=long_ago)
    made_by = Producer(name="copystand/derive_page", version="2", worker="worker-7c1f09ae")
    agents = tuple(Agent(type="person", name=f"p-{n}", role="authorizer") for n in range(70))
    many = {"agents": agents, "sources": ("a",) * 10_000, "results": (), "code": "page.unreadable"}
    yield an_event(3, producer=made_by).model_copy(update=many)


VALUES = [encode(event) for event in events()]


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
    chance = random.Random(SEED)
    short = [value for value in VALUES if len(value) < 1000]
    outcomes = set()
    for _ in range(MUTATIONS):
        value = bytearray(chance.choice(short))
        for _ in range(chance.randint(1, 3)):
            place = chance.randrange(len(value))
            change = chance.randrange(4)
            if change == 0:
                value[place] = chance.choice((0, 1, 2, 3, 4, 0x7F, 0x80, 0xFF, value[place] ^ 1))
            elif change == 1:
                value[place] ^= 1 << chance.randrange(8)
            elif change == 2:
                del value[place : place + chance.randint(1, 4)]
            else:
                value[place:place] = chance.randbytes(chance.randint(1, 3))
        found, wanted = quickly(bytes(value)), slowly(bytes(value))

        assert found == wanted, bytes(value).hex()
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
