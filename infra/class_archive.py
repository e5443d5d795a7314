"""The archive of Kafka's classes, with which a JVM starts in half of the processor time.

It is Java's class data sharing (https://docs.oracle.com/en/java/javase/17/vm/class-data-sharing.html).
`make install` creates it; without an archive that matches, Kafka starts more slowly."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from infra import paths

FOLDER = "kafka-classes"
# A JVM that rejects an archive starts without it, and writes warnings about it to standard output.
QUIET = ("-Xlog:cds*=off",)


def archive_of(jars: Path) -> Path:
    """The file for exactly this JVM and these jars; it may not exist."""
    java = Path(paths.java_binary()).resolve()
    parts = [java, *java.parent.parent.glob("lib/server/*.so"), *sorted(jars.glob("*.jar"))]
    return paths.cache_folder() / FOLDER / f"{_digest(parts)}.jsa"


def use_of(jars: Path) -> tuple[str, ...]:
    """The JVM options that use the archive; none if there is no archive."""
    archive = archive_of(jars)
    if not archive.is_file():
        return ()
    return (f"-XX:SharedArchiveFile={archive}", "-Xshare:auto", *QUIET)


def creation_of(archive: Path) -> tuple[str, ...]:
    """The JVM options that write the classes which a process has loaded to a file when it ends."""
    return (f"-XX:ArchiveClassesAtExit={archive}", *QUIET)


def _digest(files: Iterable[Path]) -> str:
    """A digest of what a JVM compares: paths, sizes and times of modification."""
    digest = hashlib.sha256()
    for file in filter(Path.is_file, files):
        status = file.stat()
        digest.update(f"{file}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:32]
