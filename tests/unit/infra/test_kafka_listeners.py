"""The listeners of a broker: who may connect to each, and by which mechanism."""

from pathlib import Path

import pytest

from infra.kafka_listeners import Network, listener_settings
from streams.kafka_variables import KafkaVariables
from streams.settings import Settings, SettingsError

ONE = {"kafka": 9092, "kafka_controller": 9093}
THREE = {
    f"{name}{use}": 9000 + 10 * number + at
    for number, name in enumerate(("kafka", "kafka-2", "kafka-3"))
    for at, use in enumerate(("", "_controller", "_peers"))
}


def test_a_single_broker_accepts_logins_only(tmp_path: Path):
    found = listener_settings(tmp_path, ONE, 1, 1)

    assert found["listeners"] == "CLIENTS://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093"
    protocols = found["listener.security.protocol.map"]
    assert protocols == "CLIENTS:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT"
    assert found["inter.broker.listener.name"] == "CLIENTS"
    assert found["listener.name.clients.sasl.enabled.mechanisms"] == "PLAIN,SCRAM-SHA-512"
    assert found["listener.name.controller.sasl.enabled.mechanisms"] == "PLAIN"
    assert found["super.users"] == "User:broker;User:admin"


def test_three_brokers_know_each_other_by_a_listener_of_their_own(tmp_path: Path):
    found = listener_settings(tmp_path, THREE, 2, 3)

    assert found["inter.broker.listener.name"] == "PEERS"
    assert found["listener.name.peers.sasl.enabled.mechanisms"] == "PLAIN"
    assert found["controller.quorum.voters"].count("@127.0.0.1:") == 3


def test_other_machines_connect_by_tls_and_never_with_the_password_of_an_owner(tmp_path: Path):
    certificate, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    certificate.write_text("CERTIFICATE\n")
    key.write_text("KEY")

    found = listener_settings(
        tmp_path, THREE, 3, 3, Network("line.example.org", 9092, certificate, key)
    )

    assert "NETWORK://line.example.org:9094" in found["listeners"]
    assert "NETWORK:SASL_SSL" in found["listener.security.protocol.map"]
    assert found["listener.name.network.sasl.enabled.mechanisms"] == "SCRAM-SHA-512"
    keystore = Path(found["listener.name.network.ssl.keystore.location"])
    assert keystore.read_text() == "KEY\nCERTIFICATE\n"
    assert keystore.stat().st_mode & 0o777 == 0o600


def test_a_broker_refuses_other_machines_without_tls():
    with pytest.raises(SettingsError, match="would cross the network unencrypted"):
        Settings.load({"COPYSTAND_KAFKA_NETWORK": "line.example.org:9092"})


@pytest.mark.parametrize(
    "permitted",
    [
        {"COPYSTAND_KAFKA_WITHOUT_TLS": "1"},
        {"COPYSTAND_KAFKA_CERTIFICATE": "/c.pem", "COPYSTAND_KAFKA_KEY": "/k.pem"},
    ],
)
def test_a_certificate_or_a_setting_permits_other_machines(permitted: dict[str, str]):
    found = Settings.load({"COPYSTAND_KAFKA_NETWORK": "line.example.org:9092", **permitted})

    assert found.network is not None
    assert (found.network.host, found.network.port) == ("line.example.org", 9092)


@pytest.mark.parametrize("address", ["9092", "host", "host:0", "host:70000", ":9092"])
def test_an_address_names_a_host_and_a_port(address: str):
    with pytest.raises(SettingsError, match="COPYSTAND_KAFKA_NETWORK must be host:port"):
        Settings.load({"COPYSTAND_KAFKA_NETWORK": address})


def test_a_certificate_without_its_key_is_refused():
    with pytest.raises(SettingsError, match="needs both"):
        Settings.load({"COPYSTAND_KAFKA_NETWORK": "h:1", "COPYSTAND_KAFKA_CERTIFICATE": "/c.pem"})


def test_without_the_setting_brokers_listen_on_this_machine_only():
    assert KafkaVariables().network is None
