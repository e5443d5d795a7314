"""Makes a lost package or receipt again: the same facts and objects give the same bytes."""

from hashlib import sha256
from itertools import permutations
from pathlib import Path
from typing import Any

from infra.standards import standards_folder
from processors.assemble_package import assemble_package
from processors.outcome import Done, TransientError
from processors.tools import Area, Tools
from schemas.catalogue import key_of, topic_of
from schemas.codec import decode
from schemas.models import Fact, FileRef, ItemCompleted
from streams.execution.facts import audit_messages
from streams.execution.receipts import receipt_bytes
from streams.fixity.copies import Wanted
from streams.fixity.inventory import QUERY, Connection, repeated_work
from streams.fixity.receipt_keys import receipt_key_of
from streams.kafka.messages import Outgoing
from streams.storage.local import LocalStorage
from streams.storage.object_store import ObjectStore

SOURCE = "the facts and objects of its item, from which it was made again"

MOST_FACTS = 2
"""Of a receipt that is made again: pre-flight of a batch of several items gives more."""


class _KeepsAside:
    """A store that gives the objects of another one, and keeps what is new in a folder."""

    def __init__(self, store: ObjectStore, folder: Path) -> None:
        self._store, self._aside = store, LocalStorage(folder)

    def keep(
        self, source: Path | bytes, *, area: Area, use: str, media_type: str, move: bool = False
    ) -> FileRef:
        return self._aside.keep(source, area=area, use=use, media_type=media_type, move=move)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def remade(connection: Connection, store: ObjectStore, wanted: Wanted, folder: Path) -> Path | None:
    """A file with the bytes of a package or a receipt, made in an empty folder; None if nothing
    with its SHA-256 can be made."""
    content = _receipt(connection, wanted)
    if content is None:
        return _package(connection, store, wanted, folder)
    (folder / "receipt").write_bytes(content)
    return folder / "receipt"


def _receipt(connection: Connection, wanted: Wanted) -> bytes | None:
    """A receipt has the facts of one work, and their events."""
    decisions = repeated_work(connection)
    rows = connection.execute(QUERY("facts_beside_receipt"), {"key": wanted.key}).fetchall()
    found = []
    for row in rows:
        fact, value = decode(row["value"], Fact), bytes(row["value"])
        if receipt_key_of(fact, decisions) == wanted.key:
            topic = topic_of(type(fact).__name__).name
            found.append((Outgoing(topic, key_of(fact), value), audit_messages(fact)))
    work_id = wanted.key.rpartition("/")[2].partition(".")[0]
    for order in permutations(found) if len(found) <= MOST_FACTS else ():
        messages = [one for fact, events in order for one in (fact, *events)]
        content = receipt_bytes(work_id, messages)
        if sha256(content).hexdigest() == wanted.sha256:
            return content
    return None


def _package(
    connection: Connection, store: ObjectStore, wanted: Wanted, folder: Path
) -> Path | None:
    """The package, if its item's objects are intact and this software writes the same bytes."""
    row = connection.execute(QUERY("completion_of_package"), {"key": wanted.key}).fetchone()
    if row is None:
        return None
    fact = decode(row["value"], ItemCompleted)
    assert isinstance(fact, ItemCompleted)
    scratch = folder / "scratch"
    scratch.mkdir()
    aside = _KeepsAside(store, folder)
    tools = Tools(storage=aside, scratch=scratch, standards=standards_folder())
    try:
        outcome = assemble_package(fact, tools)
    except (TransientError, OSError, ValueError):
        return None
    # Under this name only if it has the digest.
    made = folder / wanted.key
    return made if isinstance(outcome, Done) and made.exists() else None
