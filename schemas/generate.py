"""`make schemas`: writes the models of schemas/avro, and registers new schema versions."""

import re
import subprocess
import sys
from typing import Any

from schemas.evolution import incompatibilities
from schemas.sources import (
    AUDIT_RECORD,
    FACT_FIELDS,
    HERE,
    NAMESPACE,
    TOPIC,
    Schema,
    field_names,
    in_dependency_order,
    messages,
    self_contained,
)
from schemas.store import REGISTERED, SchemaStore, file_name

MODELS = HERE / "models.py"
KEYS = ("batch_id", "item_id", "page_id", "package_id", "subject id")
"""Possible keys of the topic of a fact."""
PRIMITIVES = {
    "string": "str",
    "int": "int",
    "long": "int",
    "double": "float",
    "boolean": "bool",
    "bytes": "bytes",
}
HEADER = '''"""Models of the facts, generated from schemas/avro by `make schemas`; do not edit."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """A record of the contract, frozen and without unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")
'''


def python_type(type_: Any) -> str:
    """The annotation of an Avro type."""
    if isinstance(type_, list):
        return f"{python_type(type_[1])} | None"
    if isinstance(type_, dict):
        if type_["type"] == "array":
            return f"tuple[{python_type(type_['items'])}, ...]"
        return "datetime" if type_.get("logicalType") == "timestamp-micros" else "?"
    return PRIMITIVES.get(type_) or str(type_).removeprefix(NAMESPACE + ".")


def base(schema: Schema) -> str:
    """The class that a record's model extends."""
    names = field_names(schema)
    if names >= FACT_FIELDS:
        return "Fact"
    return "Message" if "head" in names else "Record"


def model_source(schema: Schema) -> str:
    """The class of one record."""
    lines = [f"class {schema['name']}({base(schema)}):", f'    """{schema["doc"]}"""', ""]
    topic = schema.get(TOPIC, {})
    if "key" in topic:
        lines.append(f"    topic_key: ClassVar[str] = {topic['key']!r}")
    if "partitions" in topic:
        lines.append(f"    partitions: ClassVar[int | None] = {topic['partitions']}")
    for field in schema["fields"]:
        kind = python_type(field["type"])
        default = ""
        if field["name"] == "head":
            default = " = UNSTAMPED"
        elif "default" in field:
            default = f" = {'()' if kind.startswith('tuple') else repr(field['default'])}"
        lines += [f"    {field['name']}: {kind}{default}", f'    """{field["doc"]}"""']
    return "\n".join(lines) + "\n"


UNSTAMPED = '''
UNSTAMPED = Head(
    event_id="",
    revision=0,
    occurred_at=datetime(1970, 1, 1, tzinfo=UTC),
    producer=Producer(name="", version=""),
)
"""The head of a fact that the driver has not completed yet."""
'''


BASES = '''
class Message(Record):
    """A record that is published as a message."""

    if TYPE_CHECKING:  # Each model has the field at the position in its schema.
        head: Head = UNSTAMPED


class Fact(Message):
    """A message that says what happened, with its own topic."""

    topic_key: ClassVar[str]
    """The key of its topic."""
    partitions: ClassVar[int | None] = None
    """Partitions of its topic; None for WORK_PARTITIONS."""

    if TYPE_CHECKING:
        files: tuple[FileRef, ...] = ()
        acts: tuple[Act, ...] = ()
'''


def models_source() -> str:
    """The text of schemas/models.py, formatted."""
    parts, has_bases = [HEADER], False
    for schema in in_dependency_order():
        if base(schema) != "Record" and not has_bases:
            # A fact comes after all records that the base classes use.
            parts.append(BASES)
            has_bases = True
        parts.append(model_source(schema))
        if schema["name"] == "Head":
            parts.append(UNSTAMPED)
    # Long docs stay on one line, because the file is generated.
    text = "# ruff: noqa: E501\n" + "\n\n".join(parts)
    command = [sys.executable, "-m", "ruff", "format", "-q", "--stdin-filename", "models.py", "-"]
    return subprocess.run(command, input=text, text=True, capture_output=True, check=True).stdout


def register() -> list[str]:
    """Register new schema texts, and return the incompatible changes of those refused."""
    refused: list[str] = []
    for record in (schema["name"] for schema in messages()):
        store = SchemaStore()
        text, known = self_contained(record), store.versions(record)
        if text in known:
            continue
        errors = [error for old in known for error in incompatibilities(old, text)]
        refused += [f"{record}: {error}" for error in errors]
        if not errors:
            REGISTERED.mkdir(exist_ok=True)
            (REGISTERED / file_name(store.next_id(), record)).write_text(text, "utf-8")
    return refused


def topic_errors() -> list[str]:
    """Schemas of facts without a valid topic, each with what to add."""
    return [
        f"{schema['name']}: {error}"
        for schema in in_dependency_order()
        if schema["name"] != AUDIT_RECORD
        for error in _topic_errors(schema)
    ]


def _topic_errors(schema: Schema) -> list[str]:
    lacking = sorted(FACT_FIELDS - field_names(schema))
    if "head" in field_names(schema) or TOPIC in schema:
        if lacking:
            return [f"it is a fact, so it needs the fields {', '.join(lacking)}"]
    elif lacking:
        return []
    if not re.fullmatch("[A-Z][a-z]+[A-Z][a-z]+", schema["name"]):
        return ["name it with a noun and a participle, as in PageDerived: its topic follows"]
    if schema.get(TOPIC, {}).get("key") not in KEYS:
        return [f'add "topic": {{"key": ...}} to its schema, with one of {", ".join(KEYS)}']
    if schema[TOPIC]["key"] == "package_id" and "package_id" not in field_names(schema):
        return ["its topic is keyed by package_id, so it needs that field"]
    return []


def main() -> None:
    """Register new versions and write the models, or exit with the errors."""
    errors = topic_errors()
    if errors:
        sys.exit("schemas without a topic:\n" + "\n".join(errors))
    refused = register()
    if refused:
        sys.exit("schemas are not FULL_TRANSITIVE compatible:\n" + "\n".join(refused))
    MODELS.write_text(models_source(), "utf-8")


if __name__ == "__main__":
    main()
