"""The schemas are documented, compatible, and equal to the generated models."""

import json
from pathlib import Path

import fastavro
import pytest

from schemas.catalogue import FACTS, MODELS, TOPICS, key_of, topic_of
from schemas.codec import TooLarge, Undecodable, decode, encode
from schemas.evolution import incompatibilities, undocumented
from schemas.generate import models_source
from schemas.models import UNSTAMPED, Fact
from schemas.sources import self_contained
from schemas.store import REGISTERED, SchemaStore, UnknownSchema, schema_store
from tests.support.builders import a_head, a_page, a_submission

RECORDS = sorted({topic.record for topic in TOPICS if topic.record})
SOURCE = Path("schemas/models.py")


def changed(change) -> tuple[str, str]:
    """The schema of PageAdmitted as it is, and as a change makes it."""
    old = self_contained("PageAdmitted")
    schema = json.loads(old)
    change(schema["fields"])
    return old, json.dumps(schema)


def named(fields: list, name: str) -> dict:
    return next(field for field in fields if field["name"] == name)


@pytest.mark.parametrize("record", RECORDS)
def test_every_record_and_field_has_a_doc(record: str):
    assert undocumented(self_contained(record)) == []


@pytest.mark.parametrize("record", RECORDS)
def test_the_registered_schema_is_the_one_in_avro(record: str):
    assert schema_store().versions(record)[-1] == self_contained(record), "run: make schemas"


@pytest.mark.parametrize("record", RECORDS)
def test_every_registered_version_is_compatible_with_every_other(record: str):
    versions = schema_store().versions(record)

    found = [incompatibilities(old, new) for i, new in enumerate(versions) for old in versions[:i]]

    assert not any(found)


@pytest.mark.parametrize("record", RECORDS)
def test_no_schema_has_an_avro_enum_or_fixed(record: str):
    text = self_contained(record)

    assert '"enum"' not in text
    assert '"fixed"' not in text


def test_the_models_are_generated_from_the_schemas():
    assert SOURCE.read_text("utf-8") == models_source(), "run: make schemas"


def test_a_new_field_with_a_default_is_compatible():
    field = {"name": "colour", "type": ["null", "string"], "default": None, "doc": "Colour."}

    assert incompatibilities(*changed(lambda fields: fields.append(field))) == []


def test_a_new_field_without_a_default_is_refused():
    old, new = changed(lambda fields: fields.append({"name": "x", "type": "string", "doc": "X."}))

    assert any("backward" in error for error in incompatibilities(old, new))


def test_removing_a_field_without_a_default_is_refused():
    old, new = changed(lambda fields: fields.remove(named(fields, "ref")))

    assert any("forward" in error for error in incompatibilities(old, new))


def test_a_changed_logical_type_is_refused():
    def to_millis(fields: list) -> None:
        head = named(fields, "head")["type"]["fields"]
        named(head, "occurred_at")["type"]["logicalType"] = "timestamp-millis"

    errors = incompatibilities(*changed(to_millis))

    assert any("logicalType" in error and "Head.occurred_at" in error for error in errors)


def test_a_removed_doc_is_refused():
    errors = incompatibilities(*changed(lambda fields: named(fields, "ref").pop("doc")))

    assert errors == ["PageAdmitted.ref: its doc was removed"]


def test_another_order_of_fields_is_refused():
    errors = incompatibilities(*changed(lambda fields: fields.insert(0, fields.pop())))

    assert any("order of fields" in error for error in errors)


def test_a_fact_is_decoded_from_its_bytes():
    assert decode(encode(a_page())) == a_page()


def test_the_wire_format_is_magic_zero_and_a_schema_id():
    value = encode(a_page())

    assert value[0] == 0
    assert int.from_bytes(value[1:5]) == schema_store().latest_id("PageAdmitted")


def test_a_fact_without_completed_head_is_not_encoded():
    with pytest.raises(ValueError, match="no event_id"):
        encode(a_page(head=UNSTAMPED))


def test_a_message_over_its_limit_is_not_encoded():
    with pytest.raises(TooLarge):
        encode(a_page(original_name="x" * 600_000))


@pytest.mark.parametrize(
    "value",
    [None, b"", b"\x00\x00", b"\x05" * 30, b"\x00\x00\x00\x00\x01", encode(a_page()) + b"x"],
)
def test_bytes_that_are_not_a_fact_are_undecodable(value: bytes | None):
    with pytest.raises(Undecodable):
        decode(value)


def test_another_fact_than_the_expected_one_is_undecodable():
    with pytest.raises(Undecodable, match="PageAdmitted where a BatchSubmitted"):
        decode(encode(a_page()), type(a_submission()))


def test_an_unknown_schema_id_is_an_error():
    with pytest.raises(UnknownSchema):
        SchemaStore().text(999_999)


def test_topics_are_named_after_their_records():
    for topic in FACTS:
        noun, participle = topic.name.split(".")[1:3]
        assert topic.record == noun.title() + participle.title()
        assert topic_of(topic.record) is topic


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_the_fields_of_a_model_are_in_the_order_of_its_schema(model: type[Fact]):
    schema = json.loads(self_contained(model.__name__))

    assert list(model.model_fields) == [field["name"] for field in schema["fields"]]


def test_the_registered_schema_does_not_contain_the_topic():
    assert all("topic" not in json.loads(self_contained(record)) for record in RECORDS)


def test_a_fact_has_the_key_of_its_topic():
    assert key_of(a_page()) == "vol-1:0001"
    assert key_of(a_submission("b-7")) == "b-7"


def test_every_schema_can_be_parsed_alone():
    for record in RECORDS:
        assert fastavro.parse_schema(json.loads(self_contained(record)), named_schemas={})


def test_times_keep_their_microseconds():
    late = a_head().occurred_at.replace(microsecond=123457)

    assert decode(encode(a_page(head=a_head(occurred_at=late)))).head.occurred_at == late


def test_no_two_registered_schemas_have_the_same_id():
    ids = [path.name.partition(".")[0] for path in REGISTERED.glob("*.avsc")]

    assert sorted(ids) == sorted(set(ids))
