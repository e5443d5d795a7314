"""What every Kafka client of ours has in common."""

import logging
import time
from collections.abc import Callable
from operator import methodcaller

from confluent_kafka import Message

CLIENT: dict[str, object] = {
    # Otherwise an outage drops broker handles that waiting calls need: a transactional producer
    # never returned from send_offsets_to_transaction (librdkafka 2.16; docs/decisions/0007).
    "metadata.recovery.strategy": "none",
    "reconnect.backoff.max.ms": 1000,
    # A partition whose leader was told while its broker was starting is looked up again soon.
    "topic.metadata.refresh.interval.ms": 10000,
}
"""How a client comes back after an outage."""

librdkafka = logging.getLogger("librdkafka")
librdkafka.setLevel(logging.ERROR)

HUNGRY_AFTER_SECONDS = 2.0

Place = tuple[str, int]
"""A topic and the number of a partition."""
_headers = methodcaller("headers")


def headers_of(message: Message) -> dict[str, bytes]:
    """The headers of a message; none when a name is no UTF-8, which Kafka allows.

    confluent-kafka 2.16.1 gives broken tuples then, with an error set that a plain call may not
    see; this way of calling does, and raises SystemError. Asked again, it says nothing."""
    try:
        pairs = _headers(message) or ()
    except SystemError:
        return {}
    return {name: _bytes(value) for name, value in pairs}


def _bytes(value: str | bytes | None) -> bytes:
    return value.encode() if isinstance(value, str) else value or b""


class Hunger:
    """Since when a consumer has waited in vain for messages that it wants."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Has not waited yet."""
        self._clock = clock
        self._since: float | None = None

    def polled(self, *, waits: bool) -> None:
        """It asked for a message; `waits` when it wanted one and got none."""
        if not waits:
            self._since = None
        elif self._since is None:
            self._since = self._clock()

    def __bool__(self) -> bool:
        """Whether it has waited so long that nothing is on its way to it."""
        since = self._since
        return since is not None and self._clock() - since > HUNGRY_AFTER_SECONDS
