"""The environment variables about fixity runs."""

from streams.kafka_variables import KafkaVariables
from streams.settings_fields import variable


class FixityVariables(KafkaVariables):
    """When objects of the store are read again, and how fast."""

    fixity_days: float = variable(
        "COPYSTAND_FIXITY_DAYS",
        90,
        "Days after which an object is read again and compared with its digest, in the hours of"
        " COPYSTAND_NIGHT if they are set. 0: only when `copystand fixity run` is called.",
        read_by="watchdog",
        unit="days",
        ge=0,
    )
    fixity_mb_per_second: float = variable(
        "COPYSTAND_FIXITY_MB_PER_SECOND",
        20,
        "Bytes that a fixity run reads in a second. 0: no limit.",
        read_by="watchdog, `copystand fixity`",
        unit="MB/s",
        ge=0,
        in_file=True,
    )
