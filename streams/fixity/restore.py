"""Restores an object that failed its fixity check from a copy with the recorded digest."""

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from streams import free_texts
from streams.fixity.copies import CopyFinder, Wanted
from streams.fixity.fixity_facts import Subject, restored_fact
from streams.fixity.inventory import QUERY
from streams.fixity.remaking import SOURCE, remade
from streams.fixity.run import FixityParts, publish_facts, store_facts


class NothingToRestore(Exception):
    """No object with this digest has failed its last check."""


class NoCopy(Exception):
    """No intact copy was found; the text says where else the bytes may be."""


class WrongBytes(Exception):
    """The file that was given has another digest, which is the text."""


@dataclass(frozen=True)
class Restored:
    """An object that has its recorded bytes again."""

    key: str
    sha256: str
    source: str
    quarantine_id: str


@dataclass(frozen=True)
class Request:
    """What a person asks for."""

    sha256: str
    by: str
    reason: str
    file: Path | None = None
    """A file with the bytes, from outside the store."""


def restore(parts: FixityParts, request: Request, scratch: Path) -> list[Restored]:
    """Restore all failed objects with a digest, each in one step, and record it.

    Raises NothingToRestore, NoCopy, WrongBytes, StorageError, psycopg.Error."""
    connection = parts.connection
    connection.execute(QUERY("lock_repairs"))
    publish_facts(parts)
    values = {"sha256": request.sha256}
    rows = connection.execute(QUERY("failed_objects"), values).fetchall()
    if not rows:
        raise NothingToRestore
    if request.file is not None:
        _check(request.file, request.sha256)
    # What a killed command left behind; only one repairs at a time.
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    restored = []
    for row in rows:
        wanted = Wanted(row["key"], row["sha256"], row["size_bytes"] or 0, row["media_type"])
        source = _repair(parts, wanted, request.file, scratch)
        quarantine_id = row["quarantine_id"]
        subject = Subject(row["batch_id"], row["item_id"])
        with connection.transaction():
            # The log has a reference to what a person wrote, which can be deleted.
            reason = free_texts.put(connection, request.reason, request.by)
            free_texts.mark_used(connection, reason)
            about = (wanted, quarantine_id, subject, source, request.by, reason)
            fact = restored_fact(*about, parts.clock(), parts.made_by)
            connection.execute(QUERY("mark_restored"), {"key": wanted.key})
            store_facts(connection, [fact])
        restored.append(Restored(wanted.key, wanted.sha256, source, quarantine_id))
    publish_facts(parts)
    return restored


def _check(file: Path, sha256: str) -> None:
    with file.open("rb") as opened:
        found = hashlib.file_digest(opened, "sha256").hexdigest()
    if found != sha256:
        raise WrongBytes(found)


def _repair(parts: FixityParts, wanted: Wanted, file: Path | None, scratch: Path) -> str:
    """Put the recorded bytes in the place of an object; returns where they come from."""
    if file is not None:
        parts.store.replace(wanted.ref, file)
        return f"the file {file.name}"
    finder = CopyFinder(parts.connection, parts.store, parts.throttle)
    with TemporaryDirectory(dir=scratch) as name:
        folder = Path(name)
        for copy in finder.copies(wanted):
            finder.fetch(copy, folder / "copy")
            parts.store.replace(wanted.ref, folder / "copy")
            return copy.place
        about = (parts.connection, parts.store, wanted, folder)
        made = remade(*about, parts.run_step)
        if made is not None:
            parts.store.replace(wanted.ref, made)
            return SOURCE
    raise NoCopy("; ".join(finder.repositories(wanted.key)))
