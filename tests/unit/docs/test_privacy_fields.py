"""Every place that can hold personal data is listed."""

import json

import pytest

from docs.generate_privacy import FOLDERS, TABLES
from docs.privacy_fields import KINDS, classified, text_fields
from infra.database_access import relations
from processors.tools import Area
from schemas.sources import HERE


def test_every_text_field_of_every_schema_has_one_kind():
    assert sorted(classified()) == sorted(text_fields())


def test_a_new_text_field_is_found(monkeypatch: pytest.MonkeyPatch):
    kinds = ["string", "bytes", ["null", "string"], {"type": "array", "items": "string"}]
    kinds += [{"type": "map", "values": "string"}, {"type": "fixed", "name": "F", "size": 2}]
    others = ["int", ["null", "double"], {"type": "long", "logicalType": "timestamp-micros"}]
    fields = [{"name": f"f{at}", "type": kind} for at, kind in enumerate([*kinds, *others])]
    record = {"name": "Added", "fields": fields}
    monkeypatch.setattr("docs.privacy_fields.in_dependency_order", lambda: [record])

    assert text_fields() == [f"Added.f{at}" for at in range(len(kinds))]


def test_fields_of_all_registered_schemas_are_fields_of_the_present_ones():
    known = set(text_fields())
    registered = [json.loads(path.read_text("utf-8")) for path in HERE.glob("registered/*.avsc")]

    named = {
        f"{record['name']}.{field['name']}"
        for record in registered
        for field in record["fields"]
        if field["type"] in ("string", "bytes", ["null", "string"], ["null", "bytes"])
    }

    assert named
    assert named - known == set()


def test_every_table_and_every_area_of_the_store_is_listed():
    assert set(TABLES) == set(relations())
    assert {f"{area.value.split('/')[0]}/" for area in Area} <= set(FOLDERS)


def test_every_folder_of_the_contract_is_listed():
    contract = (HERE.parent / "docs" / "contract.md").read_text("utf-8")
    listed = contract.partition("is below `COPYSTAND_HOME`")[2].partition("`kafka/")[2]
    folders = f"kafka/{listed.partition('`')[0]}".split()

    assert {*folders, "profiles/"} == set(FOLDERS)


def test_each_kind_says_what_it_holds_and_how_that_is_deleted():
    assert all(kind.title and kind.holds and kind.deleted and kind.fields for kind in KINDS)
