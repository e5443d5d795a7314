"""The environment variables about logins and TLS of Kafka."""

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ValidationInfo

from infra.kafka_access import Quota
from infra.kafka_listeners import Network
from streams.machine import MEGABYTE
from streams.settings_fields import Mistake, variable


def check_network(address: str, info: ValidationInfo) -> str:
    """An address for clients on other machines, or none. Raises ValueError."""
    if not address:
        return ""
    host, _, port = address.rpartition(":")
    if not (host and port.isdigit() and 0 < int(port) < 65_536):
        raise ValueError
    given = [info.data.get("kafka_certificate"), info.data.get("kafka_key")]
    if any(given) and not all(given):
        raise Mistake("needs both COPYSTAND_KAFKA_CERTIFICATE and COPYSTAND_KAFKA_KEY")
    if not any(given) and not info.data.get("kafka_without_tls") and not _is_loopback(host):
        raise Mistake(
            f"is {address} without TLS: topics, files and tokens would cross the network"
            " unencrypted; set COPYSTAND_KAFKA_CERTIFICATE and COPYSTAND_KAFKA_KEY, or set"
            " COPYSTAND_KAFKA_WITHOUT_TLS=1 on a network that you trust"
        )
    return address


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class KafkaVariables(BaseModel):
    """One field for each variable."""

    kafka_credentials: Path | None = variable(
        "COPYSTAND_KAFKA_CREDENTIALS",
        None,
        "File with the Kafka login of this process.",
        read_by="all",
        default_text="the login of the role or the command in the home",
    )
    kafka_ca: Path | None = variable(
        "COPYSTAND_KAFKA_CA",
        None,
        "PEM file with the certificates that sign those of the brokers in `KAFKA_BROKERS`. With it,"
        " connections use TLS.",
        read_by="all",
        default_text="connections without TLS",
    )
    kafka_certificate: Path | None = variable(
        "COPYSTAND_KAFKA_CERTIFICATE",
        None,
        "PEM file with the certificate chain for `COPYSTAND_KAFKA_NETWORK` and"
        " `COPYSTAND_INGEST_NETWORK`.",
        read_by="`copystand up`, ingest",
    )
    kafka_key: Path | None = variable(
        "COPYSTAND_KAFKA_KEY",
        None,
        "PEM file with the private key of that certificate: PKCS #8, without a passphrase.",
        read_by="`copystand up`, ingest",
    )
    kafka_without_tls: bool = variable(
        "COPYSTAND_KAFKA_WITHOUT_TLS",
        False,
        "1 permits `COPYSTAND_KAFKA_NETWORK` and `COPYSTAND_INGEST_NETWORK` without a certificate,"
        " on a network that you trust.",
        read_by="`copystand up`, ingest",
        must_be="1 or empty",
        default_text="",
    )
    kafka_network: Annotated[str, AfterValidator(check_network)] = variable(
        "COPYSTAND_KAFKA_NETWORK",
        "",
        "Address at which the brokers of the home also accept clients on other machines. Three"
        " brokers use three consecutive ports.",
        read_by="`copystand up`",
        must_be="host:port",
        default_text="this machine only",
    )

    sender_produce_mb: float = variable(
        "COPYSTAND_SENDER_PRODUCE_MB",
        5,
        "What each station and repository may write to one broker per second. A sender that writes"
        " more is delayed.",
        read_by="`copystand up`, `station add`, `repository add`",
        unit="MB/s",
        ge=0.01,
    )
    sender_consume_mb: float = variable(
        "COPYSTAND_SENDER_CONSUME_MB",
        50,
        "What each station and repository may read from one broker per second.",
        read_by="`copystand up`, `station add`, `repository add`",
        unit="MB/s",
        ge=0.01,
    )
    sender_request_percent: float = variable(
        "COPYSTAND_SENDER_REQUEST_PERCENT",
        100,
        "How much of the time of one thread of a broker each station and repository may use.",
        read_by="`copystand up`, `station add`, `repository add`",
        unit="%",
        ge=1,
    )

    @property
    def sender_quota(self) -> Quota:
        """What each station and repository may do on Kafka."""
        produce, consume = self.sender_produce_mb * MEGABYTE, self.sender_consume_mb * MEGABYTE
        return Quota(produce, consume, self.sender_request_percent)

    @property
    def network(self) -> Network | None:
        """Where the brokers listen for clients on other machines; None if they do not."""
        if not self.kafka_network:
            return None
        host, _, port = self.kafka_network.rpartition(":")
        return Network(host, int(port), self.kafka_certificate, self.kafka_key)
