"""What every Kafka client of ours has in common."""

import logging

CLIENT: dict[str, object] = {
    # Otherwise an outage drops broker handles that waiting calls need: a transactional producer
    # never returned from send_offsets_to_transaction (librdkafka 2.16; docs/decisions/0007).
    "metadata.recovery.strategy": "none",
    "reconnect.backoff.max.ms": 1000,
}
"""How a client comes back after an outage."""

librdkafka = logging.getLogger("librdkafka")
librdkafka.setLevel(logging.ERROR)
