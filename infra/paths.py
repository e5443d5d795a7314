"""Where the checkout, the cache and the parts of a home are."""

import os
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
KAFKA_VERSION = "4.3.1"


def cache_folder() -> Path:
    """The folder for what was fetched once: Kafka's jars and the XSD files."""
    return Path(os.environ.get("COPYSTAND_CACHE") or CHECKOUT / ".cache").resolve()


def kafka_jars() -> Path:
    """The folder of Kafka's jars in the cache."""
    return cache_folder() / f"kafka-{KAFKA_VERSION}"


def prepare_home(home: Path) -> Path:
    """Make the folders that every part expects in a home, and give its absolute path."""
    home = home.expanduser().resolve()
    for name in ("run/tmp", "run/roles", "log", "kafka"):
        (home / name).mkdir(parents=True, exist_ok=True)
    return home
