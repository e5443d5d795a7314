"""The listeners of a local broker: their addresses, and who may connect to them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra import ports
from infra.files import write_atomic
from infra.kafka_access import ADMIN, BROKER, OWNERS, PLAIN, SCRAM, make_login

CLIENTS, PEERS, CONTROLLER, NETWORK = "CLIENTS", "PEERS", "CONTROLLER", "NETWORK"
"""Clients on this machine; the other brokers; controllers; clients on other machines."""
LOOPBACK = "127.0.0.1"
LOGIN_MODULE = "org.apache.kafka.common.security"
ACCESS_CONTROL = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": ";".join(f"User:{name}" for name in OWNERS),
    "sasl.mechanism.inter.broker.protocol": PLAIN,
    # With SCRAM, controllers would never form a quorum: its credentials are in their own log.
    "sasl.mechanism.controller.protocol": PLAIN,
}
MECHANISMS = {
    CLIENTS: (PLAIN, SCRAM),
    PEERS: (PLAIN,),
    CONTROLLER: (PLAIN,),
    # The passwords of the owners are of no use on other machines.
    NETWORK: (SCRAM,),
}


@dataclass(frozen=True)
class Network:
    """Where brokers listen for clients on other machines."""

    host: str
    """Name or address of this machine, which the broker binds and advertises."""
    port: int
    """Of the first broker; the others use the next ports."""
    certificate: Path | None = None
    """PEM file with the certificate chain; None for connections without TLS."""
    key: Path | None = None
    """PEM file with its private key, PKCS #8, without a passphrase."""


def listener_settings(
    home: Path,
    chosen: Mapping[str, int],
    node: int,
    nodes: int,
    network: Network | None = None,
) -> dict[str, str]:
    """The broker's settings of addresses, protocols, mechanisms and permissions.

    They contain passwords: only their owner may read the file with them."""
    name = ports.broker_name(node)
    listeners = {CLIENTS: (LOOPBACK, ports.listen_port(chosen, name))}
    advertised = {CLIENTS: (LOOPBACK, chosen[name])}
    if nodes > 1:
        listeners[PEERS] = advertised[PEERS] = (LOOPBACK, chosen[f"{name}_peers"])
    if network is not None:
        listeners[NETWORK] = advertised[NETWORK] = (network.host, network.port + node - 1)
    listeners[CONTROLLER] = (LOOPBACK, chosen[f"{name}_controller"])
    voters = [(one, ports.broker_name(one)) for one in range(1, nodes + 1)]
    return {
        "controller.quorum.voters": ",".join(
            f"{one}@{LOOPBACK}:{chosen[f'{voter}_controller']}" for one, voter in voters
        ),
        "controller.listener.names": CONTROLLER,
        "inter.broker.listener.name": CLIENTS if nodes == 1 else PEERS,
        "listeners": _joined(listeners),
        "advertised.listeners": _joined(advertised),
        "listener.security.protocol.map": ",".join(
            f"{one}:{_protocol(one, network)}" for one in listeners
        ),
        **ACCESS_CONTROL,
        **_mechanisms(home, listeners),
        **_tls(home, network),
    }


def _joined(listeners: Mapping[str, tuple[str, int]]) -> str:
    return ",".join(f"{name}://{host}:{port}" for name, (host, port) in listeners.items())


def _protocol(listener: str, network: Network | None) -> str:
    encrypted = listener == NETWORK and network is not None and network.certificate is not None
    return "SASL_SSL" if encrypted else "SASL_PLAINTEXT"


def plain_jaas(home: Path) -> str:
    """The JAAS line with which brokers log in, and which has the passwords of the owners."""
    known = {name: make_login(home, name).password for name in (BROKER, ADMIN)}
    users = " ".join(f'user_{name}="{password}"' for name, password in known.items())
    own = f'username="{BROKER}" password="{known[BROKER]}"'
    return f"{LOGIN_MODULE}.plain.PlainLoginModule required {own} {users};"


def _mechanisms(home: Path, listeners: Mapping[str, object]) -> dict[str, str]:
    """Mechanisms of each listener; one that is enabled for all would want JAAS on all of them."""
    lines = {PLAIN: plain_jaas(home), SCRAM: f"{LOGIN_MODULE}.scram.ScramLoginModule required;"}
    found = {}
    for listener in listeners:
        prefix = f"listener.name.{listener.lower()}"
        found[f"{prefix}.sasl.enabled.mechanisms"] = ",".join(MECHANISMS[listener])
        for mechanism in MECHANISMS[listener]:
            found[f"{prefix}.{mechanism.lower()}.sasl.jaas.config"] = lines[mechanism]
    return found


def _tls(home: Path, network: Network | None) -> dict[str, str]:
    """Settings of the certificate. Kafka reads it and its key from one file."""
    if network is None or network.certificate is None or network.key is None:
        return {}
    file = home / "run" / "kafka.network.pem"
    both = network.key.read_text("ascii").rstrip() + "\n" + network.certificate.read_text("ascii")
    write_atomic(file, both, mode=0o600)
    prefix = f"listener.name.{NETWORK.lower()}"
    return {f"{prefix}.ssl.keystore.type": "PEM", f"{prefix}.ssl.keystore.location": str(file)}
