"""docker-compose.yml has the settings of the local Kafka and PostgreSQL."""

import re
from pathlib import Path

from infra import postgres
from infra.kafka import FLUSHED, SETTINGS
from infra.kafka_listeners import listener_settings, plain_jaas
from infra.paths import KAFKA_VERSION
from streams.provision import write_broker_secrets

COMPOSE = (Path(__file__).parents[3] / "docker-compose.yml").read_text()
# For a small machine that runs everything.
LOCAL_ONLY = {
    "log.index.size.max.bytes",
    "log.cleaner.dedupe.buffer.size",
    "num.network.threads",
    "num.io.threads",
    "num.recovery.threads.per.data.dir",
}
ADDRESSES = {"controller.quorum.voters", "listeners", "advertised.listeners"}


def test_the_broker_of_compose_has_the_settings_of_the_local_broker():
    compose = dict(re.findall(r'^ +(KAFKA_[A-Z_]+): "?([^"\n]+)"?$', COMPOSE, re.M))

    wanted = {
        "KAFKA_" + name.upper().replace(".", "_"): str(value)
        for name, value in (SETTINGS | FLUSHED).items()
        if name not in LOCAL_ONLY
    }

    assert {name: compose.get(name) for name in wanted} == wanted


def test_the_broker_of_compose_has_the_access_control_of_the_local_broker(tmp_path: Path):
    local = listener_settings(tmp_path, {"kafka": 9092, "kafka_controller": 9093}, 1, 1)
    wanted = {name: value for name, value in local.items() if name not in ADDRESSES}

    for name, value in wanted.items():
        key = "KAFKA_" + name.upper().replace("-", "___").replace(".", "_")
        secret = "password=" in value
        stated = "$${file:/run/copystand/kafka.properties:plain}" if secret else value
        assert f"      {key}: {stated}\n" in COMPOSE


def test_the_broker_of_compose_reads_its_passwords_from_a_file_of_provision(tmp_path: Path):
    write_broker_secrets(tmp_path, tmp_path / "kafka.properties")

    text = (tmp_path / "kafka.properties").read_text()
    assert text == f"plain={plain_jaas(tmp_path)}\n"
    assert (tmp_path / "kafka.properties").stat().st_mode & 0o777 == 0o600
    assert "--broker-secrets, /run/copystand/kafka.properties]" in COMPOSE


def test_the_database_of_compose_has_the_memory_of_the_local_one():
    wanted = f"shared_buffers={postgres.BUFFERS_MB}MB"

    assert f"command: [postgres, -c, {wanted}]" in COMPOSE


def test_compose_runs_the_same_kafka_and_every_role():
    assert f"image: apache/kafka:{KAFKA_VERSION}" in COMPOSE
    for role in ("router", "worker", "tracker", "sealer", "projector", "watchdog", "enrichment"):
        assert f"command: [run, {role}]" in COMPOSE
