"""Makes a lost derivative, package or receipt again from its facts and objects."""

from hashlib import sha256
from itertools import permutations
from pathlib import Path
from typing import Any

from infra.standards import standards_folder
from processors.assemble_package import assemble_package
from processors.outcome import TransientError
from processors.pipeline import STEPS
from processors.tools import Area, Tools
from schemas.catalogue import key_of, topic_of
from schemas.codec import decode
from schemas.models import Fact, FileRef, ItemCompleted, PageAcquired
from streams.execution.facts import audit_messages
from streams.execution.receipts import receipt_bytes
from streams.fixity.copies import Wanted
from streams.fixity.inventory import QUERY, Connection, repeated_work
from streams.fixity.receipt_keys import receipt_key_of
from streams.fixity.run import RunStep
from streams.kafka.messages import Outgoing
from streams.storage.local import LocalStorage
from streams.storage.object_store import ObjectStore

SOURCE = "the facts and objects of its item, from which it was made again"

MOST_FACTS = 2
"""Of a receipt that is made again: pre-flight of a batch of several items gives more."""


BRANCHES = {step.gives.__name__: step for step in STEPS if step.takes is PageAcquired}
"""The steps that make derivatives of a master, by the record that they give."""


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


def remade(
    connection: Connection,
    store: ObjectStore,
    wanted: Wanted,
    folder: Path,
    run_step: RunStep | None,
) -> Path | None:
    """A file made again in an empty folder; None if nothing with its name can be made.

    What a step makes has its SHA-256 as name, and a receipt was compared."""
    content = _receipt(connection, wanted)
    if content is not None:
        (folder / "receipt").write_bytes(content)
        return folder / "receipt"
    try:
        _make_package(connection, store, wanted, folder)
        if run_step is not None:
            _make_derivative(connection, store, wanted, folder, run_step)
    # Also what a record of another version lacks.
    except (TransientError, OSError, ValueError, LookupError):
        return None
    made = folder / wanted.key
    return made if made.exists() else None


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


def _make_package(connection: Connection, store: ObjectStore, wanted: Wanted, folder: Path) -> None:
    """Write the package into the folder; its item's objects must be intact."""
    row = connection.execute(QUERY("completion_of_package"), {"key": wanted.key}).fetchone()
    if row is None:
        return
    fact = decode(row["value"], ItemCompleted)
    assert isinstance(fact, ItemCompleted)
    scratch = folder / "scratch"
    scratch.mkdir()
    aside = _KeepsAside(store, folder)
    assemble_package(fact, Tools(storage=aside, scratch=scratch, standards=standards_folder()))


def _make_derivative(
    connection: Connection, store: ObjectStore, wanted: Wanted, folder: Path, run_step: RunStep
) -> None:
    """Repeat the step that made a derivative, on a copy of its master in the folder."""
    values = {"key": wanted.key, "records": list(BRANCHES)}
    for row in connection.execute(QUERY("derivation"), values).fetchall():
        made, acquired = decode(row["made"], Fact), decode(row["acquired"], Fact)
        if wanted.key not in {file.key for file in made.files}:
            continue
        for file in acquired.files:
            target = folder / file.key
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as out:
                out.writelines(store.stream(file.key))
        run_step(BRANCHES[type(made).__name__], acquired, folder)
        return
