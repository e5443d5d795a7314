"""The exported folder has all that a program needs to decode a message."""

import json
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import fastavro
import pytest

from schemas.catalogue import FACTS
from schemas.codec import encode
from schemas.models import PageEnriched
from schemas.store import SchemaStore
from streams.schema_registry.schema_export import INDEX, export
from tests.support.builders import a_head

UUID = "00000000-0000-5000-8000-000000000001"


def test_the_digests_in_the_index_are_those_of_the_files(tmp_path: Path):
    export(SchemaStore(), tmp_path / "new" / "folder")

    index = json.loads((tmp_path / "new" / "folder" / INDEX).read_text())
    files = {path.name for path in (tmp_path / "new" / "folder").iterdir()} - {INDEX}
    assert files == {one["file"] for one in index["schemas"]}
    for one in index["schemas"]:
        content = (tmp_path / "new" / "folder" / one["file"]).read_bytes()
        assert sha256(content).hexdigest() == one["sha256"]


def test_every_topic_of_facts_has_a_subject_with_all_versions(tmp_path: Path):
    index = export(SchemaStore(), tmp_path)

    found = {one["topic"]: one for one in index["subjects"]}
    assert {topic.name for topic in FACTS} < set(found)
    admitted = found["digitization.page.admitted.v1"]
    assert admitted["subject"] == "digitization.page.admitted.v1-value"
    assert [one["version"] for one in admitted["versions"]] == [1, 2, 3, 4]
    assert [one["id"] for one in admitted["versions"]] == SchemaStore().ids("PageAdmitted")


def test_a_message_is_decoded_with_nothing_but_the_folder(tmp_path: Path):
    export(SchemaStore(), tmp_path)
    value = encode(PageEnriched(head=a_head(event_id=UUID), suggestions=("la",)))

    number = int.from_bytes(value[1:5], "big")
    (file,) = tmp_path.glob(f"{number:04d}.*.avsc")
    schema = fastavro.parse_schema(json.loads(file.read_text()))
    plain = fastavro.schemaless_reader(BytesIO(value[5:]), schema, schema)

    assert (plain["head"]["event_id"], plain["suggestions"]) == (UUID, ["la"])


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path):
    (tmp_path / "file").write_text("")

    with pytest.raises(OSError, match="file"):
        export(SchemaStore(), tmp_path / "file")
