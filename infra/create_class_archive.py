"""`python -m infra.create_class_archive`: archives the classes that a broker loads at its start."""

import shutil
import sys
import tempfile
from pathlib import Path

from infra import paths, ports
from infra.acls import put_users
from infra.class_archive import archive_of, creation_of
from infra.files import fsync_file, fsync_folder
from infra.kafka import LocalKafka
from infra.kafka_access import make_login
from infra.topics import admin, provision
from schemas.catalogue import TOPICS

STOP_SECONDS = 300
"""The broker writes the archive while it stops."""


def create(jars: Path) -> Path:
    """Start a broker in a temporary home and archive its classes; returns the archive.

    Archives of other JVMs and jars are removed. Raises RuntimeError if there is no archive."""
    archive = archive_of(jars)
    archive.parent.mkdir(parents=True, exist_ok=True)
    home = paths.prepare_home(Path(tempfile.mkdtemp(prefix="home.", dir=archive.parent)))
    try:
        draft = home / archive.name
        _run_broker(LocalKafka(home, jars, ports.choose(home), jvm=creation_of(draft)))
        if not draft.is_file():
            raise RuntimeError("the JVM wrote no archive of Kafka's classes")
        fsync_file(draft)
        for outdated in archive.parent.glob("*.jsa"):
            outdated.unlink()
        draft.rename(archive)
        fsync_folder(archive.parent)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    return archive


def _run_broker(broker: LocalKafka) -> None:
    """Let a broker load the classes that it needs for a new line."""
    try:
        broker.start()
        broker.wait_ready()
        provision(broker.admin, TOPICS, {})
        put_users(admin(broker.admin), [make_login(broker.home, "class-archive")])
    finally:
        broker.stop(STOP_SECONDS)


def main() -> None:
    """Create the archive unless it exists; ends with the reason and code 1 if that fails."""
    jars = paths.kafka_jars()
    if archive_of(jars).is_file():
        return
    try:
        create(jars)
    except (OSError, RuntimeError) as failure:
        sys.exit(str(failure))


if __name__ == "__main__":
    main()
