"""Schemas are registered under the ids of the messages, or nothing is."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.store import REGISTERED, SchemaStore
from streams.schema_registry.push import push
from streams.schema_registry.registry import Registry, RegistryProblem
from streams.schema_registry.subjects import subjects
from tests.support.schema_registries import MemoryRegistry, memory_registry

OWN = SchemaStore()


@pytest.fixture
def memory() -> Iterator[MemoryRegistry]:
    with memory_registry() as registry:
        yield registry


def older_store(folder: Path) -> SchemaStore:
    """The schemas of an earlier version: the first of each record."""
    for record in {OWN.record(number) for number in OWN.all_ids()}:
        shutil.copy(next(REGISTERED.glob(f"{OWN.ids(record)[0]:04d}.*")), folder)
    return SchemaStore(folder)


def test_every_schema_is_registered_under_its_id_byte_for_byte(memory: MemoryRegistry):
    pushed = push(OWN, Registry(memory.address))

    assert memory.texts == {number: OWN.text(number) for number in OWN.all_ids()}
    assert pushed.added == OWN.all_ids()
    assert memory.versions == {one.name: dict(enumerate(one.ids, 1)) for one in subjects(OWN)}


def test_a_subject_is_compatible_in_both_directions_and_closed_for_imports(memory: MemoryRegistry):
    push(OWN, Registry(memory.address))

    assert set(memory.levels.values()) == {"FULL_TRANSITIVE"}
    assert set(memory.modes.values()) == {"READWRITE"}


def test_a_second_push_changes_nothing(memory: MemoryRegistry):
    push(OWN, Registry(memory.address))
    changes = memory.changes

    pushed = push(OWN, Registry(memory.address))

    assert (pushed.added, pushed.present) == ([], OWN.all_ids())
    assert memory.changes == changes


def test_a_push_after_an_upgrade_adds_the_new_versions(memory: MemoryRegistry, tmp_path: Path):
    push(older_store(tmp_path), Registry(memory.address))

    pushed = push(OWN, Registry(memory.address))

    assert pushed.added and set(pushed.added) < set(OWN.all_ids())
    assert memory.versions == {one.name: dict(enumerate(one.ids, 1)) for one in subjects(OWN)}


def test_an_id_with_another_schema_is_refused_before_anything_changes(memory: MemoryRegistry):
    memory.register("other-value", {"schema": '"string"'})
    before = memory.changes

    with pytest.raises(RegistryProblem) as refused:
        push(OWN, Registry(memory.address))

    assert (refused.value.code, memory.changes) == ("registry.id-taken", before)


def test_a_subject_with_other_schemas_is_refused_before_anything_changes(memory: MemoryRegistry):
    memory.texts[4711] = '"string"'
    memory.versions[subjects(OWN)[0].name] = {1: 4711}

    with pytest.raises(RegistryProblem) as refused:
        push(OWN, Registry(memory.address))

    assert (refused.value.code, memory.changes) == ("registry.subject-in-use", 0)


def test_a_registry_that_gives_ids_of_its_own_keeps_no_schema_of_ours():
    with memory_registry(keeps_ids=False) as memory:
        memory.texts[4711] = '"string"'

        with pytest.raises(RegistryProblem) as refused:
            push(OWN, Registry(memory.address))

        assert refused.value.code == "registry.other-ids"
        assert set(memory.texts) == {4711}


def test_what_is_no_registry_is_reported_with_its_address():
    with memory_registry() as memory, pytest.raises(RegistryProblem) as refused:
        push(OWN, Registry(f"{memory.address}/elsewhere"))

    assert refused.value.code == "registry.not-reachable"
    assert f"{memory.address}/elsewhere" in refused.value.found


@pytest.mark.parametrize("address", ["http://127.0.0.1:1", "no address", "file:///etc/passwd"])
def test_an_address_that_nobody_answers_is_reported(address: str):
    with pytest.raises(RegistryProblem) as refused:
        push(OWN, Registry(address))

    assert refused.value.code == "registry.not-reachable"


def test_a_login_is_sent_and_a_missing_one_is_refused():
    with memory_registry(login="Basic bGFiOnNlY3JldA==") as memory:
        with pytest.raises(RegistryProblem) as refused:
            push(OWN, Registry(memory.address))
        assert refused.value.code == "registry.refused"

        assert push(OWN, Registry(memory.address, "lab:secret")).added == OWN.all_ids()
