"""Checks FULL_TRANSITIVE compatibility of schema versions offline."""

import json
from typing import Any

from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType
from avro.schema import parse


def incompatibilities(old: str, new: str) -> list[str]:
    """Incompatible changes between an old and a new schema text.

    In addition to the rules of Avro in both directions, logical types and the order of fields must
    not change, and a doc must not be removed."""
    found: list[str] = []
    before, after = parse(old), parse(new)
    for reader, writer, name in ((after, before, "backward"), (before, after, "forward")):
        checker = ReaderWriterCompatibilityChecker()  # type: ignore[no-untyped-call]
        result = checker.get_compatibility(reader, writer)
        if result.compatibility is not SchemaCompatibilityType.compatible:
            found.append(f"not {name} compatible: {'; '.join(sorted(result.messages))}")
    return found + _frozen(_records(json.loads(old)), _records(json.loads(new)))


def undocumented(text: str) -> list[str]:
    """Records and fields of a schema without doc."""
    found = []
    for name, record in _records(json.loads(text)).items():
        found += [] if record.get("doc") else [name]
        found += [f"{name}.{field['name']}" for field in record["fields"] if not field.get("doc")]
    return found


def _frozen(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    found = []
    for name in old.keys() & new.keys():
        fields = {field["name"]: field for field in new[name]["fields"]}
        kept = [field["name"] for field in old[name]["fields"]]
        if [field for field in fields if field in kept] != [
            field for field in kept if field in fields
        ]:
            found.append(f"{name}: the order of fields changed")
        for field in old[name]["fields"]:
            later = fields.get(field["name"])
            if later is None:
                continue
            where = f"{name}.{field['name']}"
            before, after = _logical(field["type"]), _logical(later["type"])
            if before != after:
                found.append(f"{where}: logicalType {before} became {after}")
            if field.get("doc") and not later.get("doc"):
                found.append(f"{where}: its doc was removed")
    return sorted(found)


def _logical(type_: Any) -> list[str]:
    if isinstance(type_, dict):
        own = [type_["logicalType"]] if "logicalType" in type_ else []
        return own + _logical(type_.get("items"))
    if isinstance(type_, list):
        return [kind for branch in type_ for kind in _logical(branch)]
    return []


def _records(type_: Any) -> dict[str, Any]:
    """All records in a schema, by name."""
    if isinstance(type_, list):
        return {name: record for branch in type_ for name, record in _records(branch).items()}
    if not isinstance(type_, dict):
        return {}
    found = {type_["name"]: type_} if type_["type"] == "record" else {}
    for field in type_.get("fields", []):
        found |= _records(field["type"])
    return found | _records(type_.get("items"))
