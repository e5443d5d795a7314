"""The schemas of a line that runs with a registry: a copy in the home, made at each `up`."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.files import read_json, write_atomic, write_json
from schemas.store import REGISTERED, SchemaStore, file_name
from streams.schema_registry.push import ids_missing_in
from streams.schema_registry.registry import Registry, RegistryProblem
from streams.schema_registry.subjects import subjects

FOLDER = "schemas"
"""In the home; a file for each id that only the registry has."""
COMPARED = "compared.json"
"""With which registry all schemas of an installation were compared last."""


@dataclass(frozen=True)
class Copied:
    """The schemas that a line has from its registry."""

    folder: Path
    added: list[int]
    """Ids that only the registry has: schemas of later versions, which this one can then read."""
    warning: str = ""
    """Why the copy of an earlier time is used; empty if the registry answered."""


def copy_from(registry: Registry, home: Path) -> Copied:
    """Compare the registry with the schemas of this installation, and copy what it has more.

    A registry that is away does not stop a line whose schemas were compared with it before. Raises
    RegistryProblem."""
    own, folder = SchemaStore(REGISTERED), home / FOLDER
    compared = {"registry": registry.address, "schemas": _digests(own)}
    try:
        added = _later_schemas(own, registry)
    except RegistryProblem as problem:
        if problem.code != "registry.not-reachable" or read_json(folder / COMPARED) != compared:
            raise
        copied = sorted(int(path.name.split(".")[0]) for path in folder.glob("*.avsc"))
        return Copied(folder, copied, problem.found)
    folder.mkdir(exist_ok=True)
    for number, text in added.items():
        write_atomic(folder / file_name(number, json.loads(text)["name"]), text)
    write_json(folder / COMPARED, compared)
    return Copied(folder, sorted(added))


def _digests(store: SchemaStore) -> dict[str, Any]:
    return {str(number): store.digest(number).hex() for number in store.all_ids()}


def _later_schemas(own: SchemaStore, registry: Registry) -> dict[int, str]:
    """What the subjects of this line have beside the schemas of this installation, by id."""
    registry.check()
    if missing := ids_missing_in(registry, own):
        raise RegistryProblem("registry.incomplete", f"it has no schema with the id {missing[0]}")
    ids = {one for subject in subjects(own) for one in registry.versions(subject.name).values()}
    return {number: registry.text(number) or "" for number in ids - set(own.all_ids())}
