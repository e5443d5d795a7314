"""Reads schemas/avro and writes each record as one self-contained schema, references inlined."""

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
"""The one message that is no fact; it has the audit topics."""
TOPIC = "topic"
"""Attribute of a fact's schema that says what its topic is keyed by; it is no part of the schema
that is registered."""

Schema = dict[str, Any]


@cache
def sources() -> dict[str, Schema]:
    """All records of schemas/avro by full name."""
    found = (json.loads(path.read_text("utf-8")) for path in sorted(AVRO.glob("*.avsc")))
    return {f"{schema['namespace']}.{schema['name']}": schema for schema in found}


def messages() -> list[Schema]:
    """Every record that is published by itself: those with a head."""
    return [one for one in in_dependency_order() if "head" in field_names(one)]


def field_names(schema: Schema) -> frozenset[str]:
    """Names of a record's own fields."""
    return frozenset(field["name"] for field in schema["fields"])


def references(type_: object) -> Iterator[str]:
    """Full names of our records that a type expression mentions, in order."""
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
    """Every record after the records that it mentions."""
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
    """The schema of one record as it is registered: one JSON text, each reference inlined where
    it is first met (Avro 1.12, Names)."""
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

    whole = inline(sources()[f"{NAMESPACE}.{record}"])
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":"))
