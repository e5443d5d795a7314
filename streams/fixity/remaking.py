"""Makes a lost package again: the same facts and objects give the same bytes."""

from pathlib import Path
from typing import Any

from infra.standards import standards_folder
from processors.assemble_package import assemble_package
from processors.outcome import Done, TransientError
from processors.tools import Area, Tools
from schemas.codec import decode
from schemas.models import FileRef, ItemCompleted
from streams.fixity.copies import Wanted
from streams.fixity.inventory import QUERY, Connection
from streams.storage.local import LocalStorage
from streams.storage.object_store import ObjectStore

SOURCE = "the objects of its item, from which it was made again"


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


def remade_package(
    connection: Connection, store: ObjectStore, wanted: Wanted, folder: Path
) -> Path | None:
    """A file with the bytes of a package, made in an empty folder; None if the object is not a
    package, an object of its item failed too, or this software writes other bytes."""
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
    made = folder / wanted.key
    return made if isinstance(outcome, Done) and made.exists() else None
