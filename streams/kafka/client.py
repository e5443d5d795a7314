"""What every Kafka client of ours has in common."""

import logging
from operator import methodcaller

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


Partition = tuple[str, int]
"""A topic and the number of a partition."""
_headers = methodcaller("headers")


def _bytes(value: str | bytes | None) -> bytes:
    return value.encode() if isinstance(value, str) else value or b""
