"""docker-compose.yml has the settings of the local Kafka and PostgreSQL."""

import re
from pathlib import Path

from infra import postgres
from infra.kafka import FLUSHED, SETTINGS
from infra.paths import KAFKA_VERSION

COMPOSE = (Path(__file__).parents[3] / "docker-compose.yml").read_text()
# For a small machine that runs everything.
LOCAL_ONLY = {
    "log.index.size.max.bytes",
    "log.cleaner.dedupe.buffer.size",
    "num.network.threads",
    "num.io.threads",
    "num.recovery.threads.per.data.dir",
}


def test_the_broker_of_compose_has_the_settings_of_the_local_broker():
    compose = dict(re.findall(r'^ +(KAFKA_[A-Z_]+): "?([^"\n]+)"?$', COMPOSE, re.M))

    wanted = {
        "KAFKA_" + name.upper().replace(".", "_"): str(value)
        for name, value in (SETTINGS | FLUSHED).items()
        if name not in LOCAL_ONLY
    }

    assert {name: compose.get(name) for name in wanted} == wanted


def test_the_database_of_compose_has_the_memory_of_the_local_one():
    wanted = f"shared_buffers={postgres.SETTINGS['shared_buffers']}"

    assert f"command: [postgres, -c, {wanted}]" in COMPOSE


def test_compose_runs_the_same_kafka_and_every_role():
    assert f"image: apache/kafka:{KAFKA_VERSION}" in COMPOSE
    for role in ("router", "worker", "tracker", "sealer", "projector", "watchdog"):
        assert f"command: [run, {role}]" in COMPOSE
