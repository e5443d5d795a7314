"""`make schemas`: models from schemas/avro, and the ids of new schema versions."""

import subprocess
import sys
from typing import Any

from schemas.catalogue import TOPICS
from schemas.evolution import incompatibilities
from schemas.sources import HERE, NAMESPACE, Schema, in_dependency_order, self_contained
from schemas.store import REGISTERED, SchemaStore

MODELS = HERE / "models.py"
PRIMITIVES = {
    "string": "str",
    "int": "int",
    "long": "int",
    "double": "float",
    "boolean": "bool",
    "bytes": "bytes",
}
HEADER = '''"""Models of the facts, made from schemas/avro by `make schemas`: never edited."""

from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """A record of the contract: frozen, strict about names."""

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


def model_source(schema: Schema) -> str:
    """The class of one record."""
    lines = [f"class {schema['name']}(Record):", f'    """{schema["doc"]}"""', ""]
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
"""The head of a fact that a step made and the driver has not stamped yet."""
'''


def models_source() -> str:
    """The whole of schemas/models.py, formatted."""
    parts = [HEADER]
    for schema in in_dependency_order():
        parts.append(model_source(schema))
        if schema["name"] == "Head":
            parts.append(UNSTAMPED)
    # Long docs stay on one line: they are data, and the file is never edited.
    text = "# ruff: noqa: E501\n" + "\n\n".join(parts)
    command = [sys.executable, "-m", "ruff", "format", "-q", "--stdin-filename", "models.py", "-"]
    return subprocess.run(command, input=text, text=True, capture_output=True, check=True).stdout


def register() -> list[str]:
    """Give an id to each schema text that has none yet; refuse an incompatible one."""
    complaints: list[str] = []
    for record in dict.fromkeys(topic.record for topic in TOPICS if topic.record):
        store = SchemaStore()
        text, known = self_contained(record), store.versions(record)
        if text in known:
            continue
        faults = [fault for old in known for fault in incompatibilities(old, text)]
        complaints += [f"{record}: {fault}" for fault in faults]
        if not faults:
            REGISTERED.mkdir(exist_ok=True)
            (REGISTERED / f"{store.next_id():04d}.{record}.avsc").write_text(text, "utf-8")
    return complaints


def main() -> None:
    """Write the models, register new versions, or say why not."""
    complaints = register()
    if complaints:
        sys.exit("schemas are not FULL_TRANSITIVE compatible:\n" + "\n".join(complaints))
    MODELS.write_text(models_source(), "utf-8")


if __name__ == "__main__":
    main()
