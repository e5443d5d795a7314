"""Messages that strangers put on the open topics: noise, half facts, facts with impossible texts."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from schemas import ids
from schemas.catalogue import LANES, redone_topic
from schemas.codec import PREFIX, encode
from schemas.models import ControlRequested, PackageReceived, PageCaptured, Record
from tests.hostile.case import Hostile
from tests.support.builders import a_file, a_head, a_page, a_submission

SUBMITTED, CAPTURED, RECEIVED, REQUESTED = (
    f"digitization.{name}.v1"
    for name in ("batch.submitted", "page.captured", "package.received", "control.requested")
)
OPEN = (SUBMITTED, CAPTURED, RECEIVED, REQUESTED)
NOISE, OTHER, ODD = (
    "message that is no fact",
    "message of another record",
    "message with odd texts",
)
TEXTS = {
    "a way out": "../../../etc/passwd",
    "NUL": "a\0b",
    "line ends": "a\r\nb",
    "nothing": "",
    "a slash": "a/b",
    "5,000 letters": "a" * 5_000,
    "60,000 letters": "a" * 60_000,
    "150,000 letters": "a" * 150_000,
    "SQL": "'; DROP TABLE line.facts; --",
    "a surrogate in other words": "\ufffd\u202e\U0001f4a3",
}


@dataclass(frozen=True)
class Message(Hostile):
    """A message and where it is sent; its content is the value."""

    topic: str = ""
    key: bytes | None = None
    headers: dict[str, bytes] = field(default_factory=dict, hash=False)
    tombstone: bool = False

    @property
    def value(self) -> bytes | None:
        """What is published."""
        return None if self.tombstone else self.content


def messages(seed: int) -> Iterator[Message]:
    """All of them; the same seed gives the same bytes."""
    chance = random.Random(seed)
    for topic in OPEN:
        yield from _noise(chance, topic)
        yield from _others(topic)
    for lane in LANES[1:4]:
        topic = redone_topic(lane)
        yield Message(
            OTHER,
            f"{lane}, redone: a stranger's fact",
            encode(_captured("x")),
            "",
            topic=topic,
            key=b"k",
        )
        for name, header in (
            ("attempt", b"x"),
            ("attempt", b"-1"),
            ("attempt", b"9" * 5000),
            ("attempt", b"\xff"),
        ):
            value = encode(a_page(head=a_head(event_id=ids.make_id(lane, str(header[:9])))))
            called = f"{lane}, redone: {name} {header[:5]!r}"
            yield Message(NOISE, called, value, "", topic=topic, key=b"k", headers={name: header})
        yield Message(
            NOISE,
            f"{lane}, redone: noise",
            b"\0\0\0\0\x09noise",
            "",
            topic=topic,
            headers={"cause": b"\xff"},
        )
    yield from _odd_texts()


def _noise(chance: random.Random, topic: str) -> Iterator[Message]:
    noun = topic.split(".")[1]
    sound = encode(a_submission("b-noise"))
    values = {
        "no value": b"",
        "a byte": b"\0",
        "random bytes": chance.randbytes(300),
        "random bytes in the wire format": b"\0\0\0\0\1" + chance.randbytes(300),
        "a schema that nobody has": PREFIX.pack(0, 4_000_000_000) + sound[5:],
        "cut": sound[: len(sound) // 2],
        "bytes left over": sound + b"more",
        "JSON": b'{"batch_id": "b-1"}',
        "1 MB less a little": b"\0\0\0\0\1" + chance.randbytes(1_000_000),
        "a text longer than the message": PREFIX.pack(0, 1)
        + b"\xfe\xff\xff\xff\xff\xff\xff\x7f" * 4,
        "a list without end": PREFIX.pack(0, 1) + b"\x02a" * 9 + b"\xff" * 400,
    }
    for name, value in values.items():
        yield Message(NOISE, f"{noun}, {name}", value, topic=topic, key=chance.randbytes(9))
    yield Message(NOISE, f"{noun}, a tombstone", b"", topic=topic, key=b"gone", tombstone=True)
    yield Message(NOISE, f"{noun}, a key of 10 KB", b"no fact", topic=topic, key=b"\xff" * 10_000)


def _others(topic: str) -> Iterator[Message]:
    """Sound facts of other records: one that the line alone may tell."""
    noun = topic.split(".")[1]
    head = a_head(event_id=ids.make_id("foreign", topic))
    yield Message(
        OTHER, f"{noun}, an admitted page", encode(a_page(head=head)), topic=topic, key=b"k"
    )


def _captured(text: str) -> PageCaptured:
    return PageCaptured(head=_head("captured", text, page_id=text), sequence=1)


def _head(what: str, text: str, **changes: object):  # type: ignore[no-untyped-def]
    return a_head(event_id=ids.make_id("hostile", what, text), item_id=None, **changes)


def _odd_texts() -> Iterator[Message]:
    makers: dict[str, tuple[str, Callable[[str], Record]]] = {
        "batch id": (SUBMITTED, lambda t: a_submission(t, head=_head("sub", t, batch_id=t))),
        "submission's event id": (
            SUBMITTED,
            lambda t: a_submission("b-x", head=a_head(event_id=t or "?", batch_id="b-x")),
        ),
        "manifest's key": (SUBMITTED, _lost_manifest),
        "page": (CAPTURED, _captured),
        "captured batch": (
            CAPTURED,
            lambda t: PageCaptured(head=_head("cap", t, batch_id=t), sequence=1),
        ),
        "device": (
            CAPTURED,
            lambda t: PageCaptured(head=_head("dev", t), sequence=2**31, device_make=t),
        ),
        "package": (RECEIVED, lambda t: _answer("pack", t, package_id=t)),
        "reason": (RECEIVED, lambda t: _answer("reason", t, reason=t)),
        "repository": (RECEIVED, lambda t: _answer("repo", t, repository=t)),
        "subject": (REQUESTED, lambda t: _request("subject", t, subjects=(t, f"batch:{t}"))),
        "person": (REQUESTED, lambda t: _request("by", t, by=t)),
        "action": (REQUESTED, lambda t: _request("action", t, action=t)),
    }
    for what, (topic, make) in makers.items():
        for name, text in TEXTS.items():
            fact = make(text)
            yield Message(
                ODD, f"{what}: {name}", encode(fact), topic=topic, key=text[:100].encode()
            )


def _lost_manifest(text: str) -> Record:
    event_id = ids.make_id("b-lost", "cd" * 32)
    file = a_file("manifest", key=f"staging/sha256/{text[:2]}/{text}", sha256=text)
    return a_submission("b-lost", head=a_head(event_id=event_id, batch_id="b-lost"), files=(file,))


def _answer(what: str, text: str, **changes: str) -> Record:
    fields = {"package_id": "vol-1.v1", "reason": "why", "repository": "archive", **changes}
    return PackageReceived(head=_head(what, text), accepted=False, **fields)


def _request(what: str, text: str, **changes: object) -> Record:
    fields = {
        "action": "pause",
        "subjects": ("batch:nobody",),
        "by": "p-1",
        "reason": "r",
        **changes,
    }
    return ControlRequested(head=_head(what, text), **fields)
