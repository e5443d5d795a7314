"""The paths of the checkout, of the cache and of the folders of a home."""

import os
import shutil
from pathlib import Path

from infra.permissions import FOLDER_MODE

CHECKOUT = Path(__file__).resolve().parents[1]
KAFKA_VERSION = "4.3.1"


def cache_folder() -> Path:
    """The folder of what `make install` prepares: Kafka's jars, their class archive, XSD files."""
    return Path(os.environ.get("COPYSTAND_CACHE") or CHECKOUT / ".cache").resolve()


def kafka_jars() -> Path:
    """The folder of Kafka's jars in the cache."""
    return cache_folder() / f"kafka-{KAFKA_VERSION}"


def java_binary() -> str:
    """The java command: of JAVA_HOME if it is set, else on the path."""
    home = os.environ.get("JAVA_HOME")
    if home and (Path(home) / "bin" / "java").exists():
        return str(Path(home) / "bin" / "java")
    return shutil.which("java") or "java"


def prepare_home(home: Path) -> Path:
    """Create the folders that every process expects in a home; returns its absolute path."""
    home = home.expanduser().resolve()
    if not home.exists():
        home.mkdir(mode=FOLDER_MODE, parents=True)
    for name in ("run/tmp", "run/roles", "log", "kafka"):
        (home / name).mkdir(parents=True, exist_ok=True)
    return home
