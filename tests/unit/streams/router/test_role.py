"""The login of the router's Faust app."""

from pathlib import Path

from infra.kafka_access import Brokers, Login
from streams.router.role import credentials
from tests.support.certificate import certificate

LOGIN = Login("router", "secret")


def test_the_router_logs_in_with_scram():
    found = credentials(Brokers("127.0.0.1:9092", LOGIN))

    assert found is not None
    assert (found.username, found.password) == ("router", "secret")
    assert (found.mechanism.value, found.protocol.value) == ("SCRAM-SHA-512", "SASL_PLAINTEXT")


def test_the_router_uses_tls_if_there_is_a_certificate_authority(tmp_path: Path):
    ca, _ = certificate(tmp_path)

    found = credentials(Brokers("line.example.org:9092", LOGIN, ca))

    assert found is not None
    assert found.protocol.value == "SASL_SSL"
    assert found.ssl_context.check_hostname


def test_a_cluster_without_access_control_needs_no_login():
    assert credentials(Brokers("127.0.0.1:9092")) is None
