"""Events of many forms, and their bytes with random changes."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime

from schemas.codec import encode
from schemas.models import Agent, PremisEvent, Producer
from tests.support.audit_log import an_event


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


def changed_values(seed: int, count: int) -> Iterator[bytes]:
    """Bytes of short events with one to three changes. Some of them are still events."""
    chance = random.Random(seed)
    short = [value for value in VALUES if len(value) < 1000]
    for _ in range(count):
        value = bytearray(chance.choice(short))
        for _ in range(chance.randint(1, 3)):
            _change(value, chance)
        yield bytes(value)


def _change(value: bytearray, chance: random.Random) -> None:
    place = chance.randrange(len(value))
    kind = chance.randrange(4)
    if kind == 0:
        value[place] = chance.choice((0, 1, 2, 3, 4, 0x7F, 0x80, 0xFF, value[place] ^ 1))
    elif kind == 1:
        value[place] ^= 1 << chance.randrange(8)
    elif kind == 2:
        del value[place : place + chance.randint(1, 4)]
    else:
        value[place:place] = chance.randbytes(chance.randint(1, 3))
