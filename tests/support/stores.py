"""Settings of a store for tests: local disk in a folder, or a place of its own in a bucket."""

from pathlib import Path

from streams.settings import Settings
from tests.support.s3_store import S3Server


def settings_of(home: Path, server: S3Server | None = None, **changes: object) -> Settings:
    """Settings of a home; with a server its objects lie there, under the home's name."""
    environment = {"COPYSTAND_HOME": str(home)}
    if server is not None:
        environment |= server.environment(home.name)
    return Settings.load(environment | {name: str(value) for name, value in changes.items()})
