"""Writes all schemas into a folder, for programs that read topics without this software."""

import json
from pathlib import Path
from typing import Any

from infra.files import write_atomic
from schemas.store import SchemaStore, file_name
from streams.schema_registry.subjects import COMPATIBILITY, subjects

INDEX = "schemas.json"


def index_of(store: SchemaStore) -> dict[str, Any]:
    """What `schemas.json` says: the file and digest of each id, and the ids of each subject."""
    return {
        "wire_format": "1 byte 0, 4 bytes id (big-endian), Avro body",
        "compatibility": COMPATIBILITY,
        "schemas": [
            {
                "id": number,
                "record": store.record(number),
                "file": file_name(number, store.record(number)),
                "sha256": store.digest(number).hex(),
            }
            for number in store.all_ids()
        ],
        "subjects": [
            {
                "subject": one.name,
                "topic": one.topic,
                "record": one.record,
                "versions": [
                    {"version": version, "id": number} for version, number in enumerate(one.ids, 1)
                ],
            }
            for one in subjects(store)
        ],
    }


def export(store: SchemaStore, folder: Path) -> dict[str, Any]:
    """Write a file for each schema, byte for byte as it is registered, and the index last.

    Raises OSError. What else is in the folder stays."""
    folder.mkdir(parents=True, exist_ok=True)
    index = index_of(store)
    for one in index["schemas"]:
        write_atomic(folder / one["file"], store.text(one["id"]))
    write_atomic(folder / INDEX, json.dumps(index, indent=2) + "\n")
    return index
