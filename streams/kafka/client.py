"""Settings that all Kafka clients of this software share."""

import logging

CLIENT: dict[str, object] = {
    # By default an outage drops broker handles that pending calls need: a transactional producer
    # never returned from send_offsets_to_transaction (librdkafka 2.16; docs/decisions/0007).
    "metadata.recovery.strategy": "none",
    "reconnect.backoff.max.ms": 1000,
    # A leader that the client learned while its broker started is looked up again soon.
    "topic.metadata.refresh.interval.ms": 10000,
}
"""How a client reconnects after an outage."""

librdkafka = logging.getLogger("librdkafka")
librdkafka.setLevel(logging.ERROR)
