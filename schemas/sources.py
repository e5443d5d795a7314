"""Reads schemas/avro, and makes self-contained schemas with inlined references."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
AVRO = HERE / "avro"
NAMESPACE = "digitization.v1"
FACT_FIELDS = frozenset({"head", "files", "acts"})
"""A record with these fields is a fact and has a topic of its own."""
AUDIT_RECORD = "PremisEvent"
"""The only message that is not a fact; it uses the audit topics."""
TOPIC = "topic"
"""Attribute with the key of a fact's topic; it is not in the registered schema."""

Schema = dict[str, Any]


@cache
def sources() -> dict[str, Schema]:
    """All records of schemas/avro by full name."""
    found = (json.loads(path.read_text("utf-8")) for path in sorted(AVRO.glob("*.avsc")))
    return {f"{schema['namespace']}.{schema['name']}": schema for schema in found}


def messages() -> list[Schema]:
    """All records that are published as messages: those with a head."""
    return [one for one in in_dependency_order() if "head" in field_names(one)]


def field_names(schema: Schema) -> frozenset[str]:
    """Names of a record's own fields."""
    return frozenset(field["name"] for field in schema["fields"])


def references(type_: object) -> Iterator[str]:
    """Full names of the records in a type expression, in order."""
    if isinstance(type_, str):
        if type_.startswith(NAMESPACE + "."):
            yield type_
    elif isinstance(type_, list):
        for branch in type_:
            yield from references(branch)
    elif isinstance(type_, dict):
        if type_["type"] == "record":
            for field in type_["fields"]:
                yield from references(field["type"])
        else:
            yield from references(type_.get("items", type_["type"]))


def in_dependency_order() -> list[Schema]:
    """All records, each after the records that it refers to."""
    ordered: dict[str, Schema] = {}

    def visit(full_name: str) -> None:
        if full_name not in ordered:
            schema = sources()[full_name]
            for name in references(schema):
                visit(name)
            ordered[full_name] = schema

    for full_name in sources():
        visit(full_name)
    return list(ordered.values())


def self_contained(record: str) -> str:
    """The registered schema of a record, with each reference inlined at its first use
    (Avro 1.12, Names)."""
    seen: set[str] = set()

    def inline(type_: Any) -> Any:
        if isinstance(type_, str) and type_ in sources():
            return type_ if type_ in seen else inline(sources()[type_])
        if isinstance(type_, list):
            return [inline(branch) for branch in type_]
        if isinstance(type_, dict) and type_["type"] == "record":
            seen.add(f"{type_['namespace']}.{type_['name']}")
            fields = [{**field, "type": inline(field["type"])} for field in type_["fields"]]
            attributes = {key: value for key, value in type_.items() if key != TOPIC}
            return {**attributes, "fields": fields}
        if isinstance(type_, dict) and "items" in type_:
            return {**type_, "items": inline(type_["items"])}
        return type_

    complete = inline(sources()[f"{NAMESPACE}.{record}"])
    return json.dumps(complete, ensure_ascii=False, separators=(",", ":"))
