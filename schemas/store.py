"""The registered schemas, in files `registered/<id>.<Record>.avsc`."""

import json
import os
from functools import cache
from hashlib import sha256
from pathlib import Path

REGISTERED = Path(__file__).parent / "registered"


class UnknownSchema(LookupError):
    """A schema id or record is not registered."""


def file_name(schema_id: int, record: str) -> str:
    """The name of the file of a schema."""
    return f"{schema_id:04d}.{record}.avsc"


class SchemaStore:
    """Looks up registered schema texts."""

    def __init__(self, folder: Path = REGISTERED, later: Path | None = None) -> None:
        """`later` has schemas of later versions of this software, to read what those write."""
        self._texts: dict[int, str] = {}
        self._ids: dict[str, list[int]] = {}
        self._by_digest: dict[bytes, int] = {}
        self._digests: dict[int, bytes] = {}
        for path in sorted(folder.glob("*.avsc")):
            number, record, _ = path.name.split(".")
            self._texts[int(number)] = path.read_text("utf-8")
            self._ids.setdefault(record, []).append(int(number))
        for path in sorted(later.glob("*.avsc")) if later else ():
            self._texts.setdefault(int(path.name.split(".")[0]), path.read_text("utf-8"))
        # The first of equal texts, as each is asked for with every sealed event.
        for schema_id in reversed(self._texts):
            self._by_digest[self.digest(schema_id)] = schema_id

    def text(self, schema_id: int) -> str:
        """The schema with this id. Raises UnknownSchema."""
        try:
            return self._texts[schema_id]
        except KeyError:
            raise UnknownSchema(f"schema id {schema_id} is not registered") from None

    def all_ids(self) -> list[int]:
        """All ids, lowest first."""
        return sorted(self._texts)

    def record(self, schema_id: int) -> str:
        """The record of the schema with this id. Raises UnknownSchema."""
        return str(json.loads(self.text(schema_id))["name"])

    def ids(self, record: str) -> list[int]:
        """Ids of all versions of a record, oldest first. Raises UnknownSchema."""
        if record not in self._ids:
            raise UnknownSchema(f"record {record} is not registered; run: make schemas")
        return self._ids[record]

    def latest_id(self, record: str) -> int:
        """Id of the newest version of a record. Raises UnknownSchema."""
        return self.ids(record)[-1]

    def versions(self, record: str) -> list[str]:
        """All registered texts of a record, oldest first."""
        return [self._texts[number] for number in self._ids.get(record, [])]

    def next_id(self) -> int:
        """The id of the next schema to register."""
        return max(self._texts, default=0) + 1

    def id_of(self, digest: bytes) -> int:
        """The id of the schema with this digest. Raises UnknownSchema."""
        try:
            return self._by_digest[digest]
        except KeyError:
            raise UnknownSchema(f"no registered schema has the SHA-256 {digest.hex()}") from None

    def digest(self, schema_id: int) -> bytes:
        """SHA-256 of the registered text, 32 raw bytes (docs/contract.md §6)."""
        if schema_id not in self._digests:
            self._digests[schema_id] = sha256(self.text(schema_id).encode()).digest()
        return self._digests[schema_id]


@cache
def schema_store() -> SchemaStore:
    """The store of this installation, with what `copystand up` copied from a registry."""
    later = os.environ.get("COPYSTAND_LATER_SCHEMAS")
    return SchemaStore(later=Path(later) if later else None)
