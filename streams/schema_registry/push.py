"""Registers all schemas of this line in a registry under the ids that its messages have."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

from schemas.store import SchemaStore
from streams.schema_registry.apicurio_archive import archive
from streams.schema_registry.registry import Registry, RegistryProblem
from streams.schema_registry.subjects import COMPATIBILITY, Subject, subjects


@dataclass(frozen=True)
class Pushed:
    """What a push found and did."""

    present: list[int]
    """Ids that the registry had, with the same schema."""
    added: list[int]
    subjects: list[str]
    """Names of the subjects, all with all their versions."""


def push(store: SchemaStore, registry: Registry) -> Pushed:
    """Register what the registry lacks, then compare each id again. Repeating it changes nothing.

    Readers look up the id that is in a message, so an id must lead to the same schema in the
    registry. Raises RegistryProblem: before anything is changed if an id or a subject is in use,
    and if the registry gives other ids."""
    wanted = subjects(store)
    registry.check()
    missing = ids_missing_in(registry, store)
    incomplete = [one for one in wanted if not _is_complete(registry, one)]
    if registry.apicurio and missing:
        registry.import_archive(archive(store, missing))
    for subject in incomplete:
        _register(store, registry, subject)
    if missing or incomplete:
        _require_all(store, registry, incomplete)
    present = [number for number in store.all_ids() if number not in missing]
    return Pushed(present, missing, [one.name for one in wanted])


def ids_missing_in(registry: Registry, store: SchemaStore) -> list[int]:
    """The ids of the store that the registry does not have. Raises RegistryProblem if it has
    another schema under one of them."""
    missing = []
    for number in store.all_ids():
        text = registry.text(number)
        if text is None:
            missing.append(number)
        elif text != store.text(number):
            raise RegistryProblem("registry.id-taken", f"id {number} has another schema")
    return missing


def _is_complete(registry: Registry, subject: Subject) -> bool:
    """Whether it has all versions of a subject. Raises RegistryProblem if it has others."""
    found, wanted = registry.versions(subject.name), dict(enumerate(subject.ids, 1))
    if found.items() - wanted.items():
        raise RegistryProblem(
            "registry.subject-in-use",
            f"{subject.name} has the ids {sorted(found.values())}, not {list(subject.ids)}",
        )
    return found == wanted


def _register(store: SchemaStore, registry: Registry, subject: Subject) -> None:
    """Register the versions that a subject lacks under their ids."""
    known = registry.versions(subject.name)
    # Apicurio has them by now; Confluent's registry takes ids only in this mode.
    with nullcontext() if registry.apicurio else _importing(registry, subject):
        for version, number in enumerate(subject.ids, 1):
            if version not in known:
                _add_version(store, registry, subject, version, number)
    registry.put(f"/config/{subject.name}", {"compatibility": COMPATIBILITY})


@contextmanager
def _importing(registry: Registry, subject: Subject) -> Iterator[None]:
    registry.put(f"/mode/{subject.name}?force=true", {"mode": "IMPORT"})
    try:
        yield
    finally:
        registry.put(f"/mode/{subject.name}", {"mode": "READWRITE"})


def _add_version(
    store: SchemaStore, registry: Registry, subject: Subject, version: int, number: int
) -> None:
    path = f"/subjects/{subject.name}/versions"
    asked: dict[str, Any] = {"schema": store.text(number)}
    if not registry.apicurio:
        asked |= {"id": number, "version": version}
    given = registry.post(path, asked)["id"]
    if given != number:
        registry.delete(f"{path}/latest")
        raise RegistryProblem("registry.other-ids", f"asked for the id {number}, it gave {given}")


def _require_all(store: SchemaStore, registry: Registry, changed: list[Subject]) -> None:
    for number in store.all_ids():
        if registry.text(number) != store.text(number):
            raise RegistryProblem("registry.other-ids", f"id {number} has another schema or none")
    for subject in changed:
        if not _is_complete(registry, subject):
            raise RegistryProblem("registry.other-ids", f"{subject.name} lacks versions")
