"""A line with a registry: what the registry has more can be read, what differs stops it."""

import json
from io import BytesIO
from pathlib import Path

import fastavro
import pytest

from schemas import codec
from schemas.models import PageEnriched
from schemas.store import SchemaStore, UnknownSchema
from streams.schema_registry.line_schemas import copy_from
from streams.schema_registry.push import push
from streams.schema_registry.registry import Registry, RegistryProblem
from streams.schema_registry.subjects import subjects
from tests.support.builders import a_head
from tests.support.schema_registries import MemoryRegistry, memory_registry

OWN = SchemaStore()
LATER = 4711
UUID = "00000000-0000-5000-8000-000000000001"


def with_a_later_version(memory: MemoryRegistry, record: str) -> None:
    """A schema with one more field, as a later version of the software would register it."""
    schema = json.loads(OWN.text(OWN.latest_id(record)))
    schema["fields"].append({"name": "of_tomorrow", "type": "string", "default": ""})
    memory.texts[LATER] = json.dumps(schema)
    known = memory.versions[next(one.name for one in subjects(OWN) if one.record == record)]
    known[len(known) + 1] = LATER


def test_schemas_of_a_later_version_are_copied_and_own_ones_stay_as_they_are(tmp_path: Path):
    with memory_registry() as memory:
        push(OWN, Registry(memory.address))
        with_a_later_version(memory, "PageEnriched")

        copied = copy_from(Registry(memory.address), tmp_path)

    store = SchemaStore(later=copied.folder)
    assert copied.added == [LATER]
    assert store.text(LATER) == memory.texts[LATER]
    assert store.latest_id("PageEnriched") == OWN.latest_id("PageEnriched")
    with pytest.raises(UnknownSchema):
        OWN.text(LATER)


def test_a_registry_that_lacks_schemas_of_this_installation_is_refused(tmp_path: Path):
    with memory_registry() as memory, pytest.raises(RegistryProblem) as refused:
        copy_from(Registry(memory.address), tmp_path)

    assert refused.value.code == "registry.incomplete"


def test_a_registry_with_another_schema_under_an_id_is_refused(tmp_path: Path):
    with memory_registry() as memory:
        push(OWN, Registry(memory.address))
        memory.texts[OWN.all_ids()[-1]] = '"string"'

        with pytest.raises(RegistryProblem) as refused:
            copy_from(Registry(memory.address), tmp_path)

    assert refused.value.code == "registry.id-taken"


def test_a_registry_that_is_away_stops_only_a_line_that_was_not_compared_with_it(tmp_path: Path):
    with memory_registry() as memory:
        push(OWN, Registry(memory.address))
        with_a_later_version(memory, "PageEnriched")
        copy_from(Registry(memory.address), tmp_path)

    again = copy_from(Registry(memory.address), tmp_path)

    assert (again.added, memory.address in again.warning) == ([LATER], True)
    with pytest.raises(RegistryProblem) as refused:
        copy_from(Registry("http://127.0.0.1:1"), tmp_path)
    assert refused.value.code == "registry.not-reachable"


def test_the_codec_reads_a_message_of_a_later_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with memory_registry() as memory:
        push(OWN, Registry(memory.address))
        with_a_later_version(memory, "PageEnriched")
        copied = copy_from(Registry(memory.address), tmp_path)
    fact = PageEnriched(head=a_head(event_id=UUID), suggestions=("la",))
    monkeypatch.setattr(codec, "schema_store", lambda: SchemaStore(later=copied.folder))
    schema = fastavro.parse_schema(json.loads(memory.texts[LATER]), named_schemas={})
    body = BytesIO()
    fastavro.schemaless_writer(body, schema, fact.model_dump() | {"of_tomorrow": "new"})

    with pytest.raises(codec.Undecodable, match="4712"):
        codec.decode(codec.PREFIX.pack(codec.MAGIC, LATER + 1) + body.getvalue())
    assert codec.decode(codec.PREFIX.pack(codec.MAGIC, LATER) + body.getvalue()) == fact
