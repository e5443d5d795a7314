"""The environment variables of the role `ingest`."""

from typing import Annotated

from pydantic import AfterValidator

from infra.kafka_listeners import Network
from streams.kafka_variables import KafkaVariables, check_network
from streams.settings_fields import variable


class UploadVariables(KafkaVariables):
    """Where stations upload files by HTTP, and what they may upload."""

    ingest_network: Annotated[str, AfterValidator(check_network)] = variable(
        "COPYSTAND_INGEST_NETWORK",
        "",
        "Address at which `ingest` accepts uploads of stations on other machines, with the"
        " certificate of `COPYSTAND_KAFKA_CERTIFICATE`.",
        read_by="ingest",
        must_be="host:port",
        default_text="this machine only",
    )
    upload_hours: float = variable(
        "COPYSTAND_UPLOAD_HOURS",
        24,
        "An unfinished upload to which nothing was added for this long is removed.",
        read_by="ingest",
        unit="h",
        ge=0.001,
    )
    upload_max_gb: float = variable(
        "COPYSTAND_UPLOAD_MAX_GB",
        64,
        "Longest file that `ingest` accepts.",
        read_by="ingest",
        unit="GB",
        ge=0.001,
    )

    @property
    def ingest_address(self) -> Network | None:
        """Where `ingest` listens for other machines; None if it does not."""
        if not self.ingest_network:
            return None
        host, _, port = self.ingest_network.rpartition(":")
        return Network(host, int(port), self.kafka_certificate, self.kafka_key)
