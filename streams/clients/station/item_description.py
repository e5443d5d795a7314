"""What an item is called: fields from item.json, else from its records, else from its folder."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from processors.record_fields import fields_of
from processors.record_statements import RecordFields
from processors.records import CHECKED
from schemas.models import Diagnostic
from streams.clients.station.findings import finding
from streams.clients.station.plain_records import (
    bag_info_fields,
    is_bag_info,
    is_table,
    table_fields,
)
from streams.clients.station.scan import DeliveredFile

ORDER = (
    *("MODS", "METS", "MARCXML", "EAD", "LIDO", "DublinCore", "OAI-PMH", "XML", "TEI", "CSV"),
    "BagInfo",
)
"""Schemas in the order in which their records are asked."""
BAG_INFO = "BagInfo"
MAX_IDENTIFIERS = 20
MAX_TEXT = 2000
MAX_WORD = 255
"""Limits of a manifest (docs/manifest.md)."""
CUT = "…"
NAME = "name of the folder"


def schema_of(file: DeliveredFile) -> tuple[str, str] | None:
    """Schema and role of a record that is stored with the item; None for another file."""
    if file.root is not None and file.root.schema and file.root.role:
        return file.root.schema, file.root.role
    if is_bag_info(file):
        return BAG_INFO, "preservation"
    return ("CSV", "descriptive") if is_table(file) else None


def records_among(
    files: Iterable[DeliveredFile], used: set[str]
) -> list[tuple[str, DeliveredFile]]:
    """The records among files, with their schemas; not what was used for something else."""
    kinds = ((schema_of(one), one) for one in files if not is_list(one, used))
    return [(kind[0], one) for kind, one in kinds if kind]


def is_list(file: DeliveredFile, used: set[str]) -> bool:
    """Whether a file was used, such as a list of checksums; a bag-info.txt is a record, too."""
    return file.name in used and not is_bag_info(file)


@dataclass(frozen=True)
class Description:
    """The fields of an item that records or its folder state."""

    fields: dict[str, Any]
    origins: dict[str, str]
    """Where `title` and `languages` come from."""
    diagnostics: list[Diagnostic]


def described(
    records: Iterable[tuple[str, DeliveredFile]], folder: str, language: str | None
) -> Description:
    """The description of an item by its records, else by its folder and the language of the batch.

    An unstated language is null."""
    fields, found = RecordFields(), list[Diagnostic]()
    origins: dict[str, str] = {}
    known = [pair for pair in records if pair[0] in ORDER]
    for schema, file in sorted(known, key=lambda pair: ORDER.index(pair[0])):
        try:
            of_record = _read(schema, file, folder)
        except OSError as failed:
            # Without it the item would have another title, and another manifest.
            found.append(finding("file.unreadable", file.name, failed.strerror or failed))
            continue
        found += _findings(schema, file, of_record)
        fields = fields.completed(of_record)
        for name, value in (("title", fields.title), ("languages", fields.languages)):
            if value:
                origins.setdefault(name, file.name)
    identifiers = [
        {"type": cut(kind, MAX_WORD), "value": cut(value, MAX_TEXT)}
        for kind, value in fields.identifiers[:MAX_IDENTIFIERS]
    ]
    item: dict[str, Any] = {
        "identifiers": identifiers or [{"type": "folder", "value": folder}],
        "title": cut(fields.title or folder, MAX_TEXT),
        "languages": list(fields.languages) or ([language] if language else None),
        **({"script": fields.script} if fields.script else {}),
    }
    of_batch = "of the batch: --language" if language else "not stated: chosen page by page"
    return Description(item, {"title": NAME, "languages": of_batch, **origins}, found)


def with_item_json(item: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
    """The fields of an item, replaced by those of item.json; null there states nothing."""
    given = {name: value for name, value in fields.items() if name not in item or value is not None}
    return {**item, **given}


def cut(text: str, limit: int) -> str:
    """The text, or its beginning if it is longer than a manifest allows."""
    return text if len(text) <= limit else text[: limit - 1] + CUT


def _read(schema: str, file: DeliveredFile, folder: str) -> RecordFields:
    if schema == "CSV":
        return table_fields(file, folder)
    if schema == BAG_INFO:
        return bag_info_fields(file)
    return fields_of(file.path.read_bytes())


def _findings(schema: str, file: DeliveredFile, fields: RecordFields) -> Iterable[Diagnostic]:
    if schema not in CHECKED:
        yield finding("record.not-checked", file.name, file.description)
    if fields.several:
        yield finding("record.several", file.name, file.description)
    if fields.unknown_languages:
        yield finding("record.language-unknown", file.name, ", ".join(fields.unknown_languages))
    texts = (fields.title or "", *(value for _, value in fields.identifiers))
    longest = max(map(len, texts))
    if longest > MAX_TEXT:
        yield finding("record.text-too-long", file.name, f"a text of {longest} characters")
