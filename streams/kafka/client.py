"""Settings that all Kafka clients of this software share, and the names by which they are known."""

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

STATION, REPOSITORY, OPERATOR, AUDITOR = "station", "repository", "operator", "auditor"
"""The users that are not roles of the line (streams/access.py)."""
REQUESTS_GROUP = "copystand.cli"
READ_BACK_GROUP = "copystand.sealer.reads-back"
TRANSACTIONAL_ID = "copystand-sealer"

librdkafka = logging.getLogger("librdkafka")
librdkafka.setLevel(logging.ERROR)
