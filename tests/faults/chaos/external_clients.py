"""What strangers put on the topics that are open to them: the same again, in disorder, or nonsense."""

import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from confluent_kafka import KafkaError, Message, Producer

from infra.kafka_access import Brokers
from schemas.catalogue import LANES, redone_topic, topic_of
from schemas.codec import encode
from schemas.models import Head, PageCaptured
from schemas.models import Producer as Software
from tests.support.signing import signed

SUBMITTED, CAPTURED = topic_of("BatchSubmitted").name, topic_of("PageCaptured").name
STRAY_BATCH = "chaos-stray"
"""Named by captures alone: no manifest of it ever comes."""
FLUSH_SECONDS = 60
POISON = (
    b"",
    None,
    b"\0",
    b"no fact at all",
    b"\0\0\0\0\1 this is no submission",
    b"\0\x7f\xff\xff\xffa schema that nobody has",
    b"\xff" * 2000,
    b'{"batch_id": "json-1"}',
)
HEADERS: tuple[list[tuple[str, bytes]], ...] = (
    [],
    [("step", b"\xff\xfe")],
    [("step", b"no_such_step"), ("attempt", b"1")],
    [("attempt", b"many")],
    [("cause", b"\xff")],
)
Told = Callable[[KafkaError | None, Message], None]


@dataclass(frozen=True)
class Sent:
    """A message that a stranger has sent and may send again."""

    topic: str
    key: bytes
    value: bytes


class Strangers:
    """Those who publish, with all that they have published so far."""

    def __init__(self, brokers: Brokers, home: Path) -> None:
        """A stranger that has sent nothing yet; it has stolen the keys of a home."""
        self._home = home
        self._producer = Producer(
            {
                **brokers.client,
                "partitioner": "murmur2_random",
                "message.timeout.ms": FLUSH_SECONDS * 1000,
                "log_level": 2,
            }
        )
        self._lock = threading.Lock()
        self._sent: list[Sent] = []
        self._captures = 0
        self.poison = 0
        """How many messages of nonsense the brokers have taken that somebody must set aside."""

    def remember(self, topic: str, key: str, value: bytes) -> None:
        """Note a submission, so that it may be sent again."""
        with self._lock:
            self._sent.append(Sent(topic, key.encode(), value))

    def act(self, kind: str, drawn: random.Random) -> None:
        """Send what this kind of misfortune sends; returns when the brokers have it."""
        {"duplicates": self._duplicates, "reordered": self._reordered, "poison": self._nonsense}[
            kind
        ](drawn)
        self._producer.flush(FLUSH_SECONDS)

    def _duplicates(self, drawn: random.Random) -> None:
        new = [_capture(self._number(), drawn) for _ in range(3)]
        with self._lock:
            again = [drawn.choice(self._sent) for _ in range(5)] if self._sent else []
            self._sent += new
        for one in [*new, *again, *new, *again]:
            self._send(one.topic, one.key, one.value)

    def _reordered(self, drawn: random.Random) -> None:
        new = [_capture(self._number(), drawn) for _ in range(5)]
        with self._lock:
            self._sent += new
            everything = list(self._sent)
        for one in drawn.sample(everything, min(20, len(everything))):
            self._send(one.topic, one.key, one.value)

    def _nonsense(self, drawn: random.Random) -> None:
        topics = (SUBMITTED, CAPTURED, redone_topic(drawn.choice(LANES)))
        for topic in topics:
            for value in drawn.sample(POISON, 3):
                key = drawn.choice((b"who knows", b"", b"\xff\xfe", None))
                headers = drawn.choice(HEADERS)
                # On a lane only the step that is named acts, and here it may be one that is not.
                named = topic not in (SUBMITTED, CAPTURED) and "step" in dict(headers)
                self._send(topic, key, value, headers, None if named else self._poisoned)

    def _poisoned(self, error: KafkaError | None, _: Message) -> None:
        if error is None:
            self.poison += 1

    def _number(self) -> int:
        self._captures += 1
        return self._captures

    def _send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes]] = (),
        told: Told | None = None,
    ) -> None:
        # Some nonsense has no headers: it is unsigned.
        signs = signed(self._home, topic, key, value) if headers or told is None else []
        self._producer.produce(topic, value, key, headers=[*headers, *signs], on_delivery=told)
        self._producer.poll(0)


def _capture(number: int, drawn: random.Random) -> Sent:
    """A sound message of a scanner about a page of a batch that never comes."""
    item_id = f"{STRAY_BATCH}.vol-{number % 7}"
    page_id = f"{item_id}:{number:04d}"
    capture = PageCaptured(
        head=Head(
            event_id=str(UUID(int=drawn.getrandbits(128), version=4)),
            cause_id=None,
            batch_id=STRAY_BATCH,
            item_id=item_id,
            page_id=page_id,
            revision=1,
            occurred_at=datetime(2026, 1, 1, tzinfo=UTC),
            producer=Software(name="scanner", version="1"),
        ),
        sequence=number,
    )
    return Sent(CAPTURED, page_id.encode(), encode(capture))
