"""The one credential file of a station: Kafka login, signing key and upload token."""

import json

from streams.kafka.client import STATION
from streams.settings import NotUp, Settings
from streams.signatures import key_file

FILE = "credential.json"


def as_station(settings: Settings) -> Settings:
    """The settings with the credential file in the station's folder, if no other one is set."""
    if settings.station is None or settings.kafka_credentials is not None:
        return settings
    return settings.model_copy(update={"kafka_credentials": settings.station / FILE})


def upload_token(settings: Settings) -> str:
    """The token of uploads in the credential file. Raises NotUp."""
    file = settings.kafka_credentials or key_file(settings.home, STATION)
    try:
        return str(json.loads(file.read_text("utf-8"))["upload_token"])
    except FileNotFoundError:
        raise NotUp(f"{file} is missing; get it with: copystand station add NAME") from None
    except (OSError, ValueError, KeyError, TypeError) as wrong:
        raise NotUp(f"{file} has no upload token: {wrong!r}") from None
