"""The folders of the items of a captured batch."""

import json
from typing import Any

from infra.files import fsync_folder, read_json, write_atomic
from schemas.ids import made_safe
from streams.clients.capture.capture_folder import CaptureFolder

ITEM_JSON = "item.json"
FIRST_ITEM = "item-1"
"""Folder of the pages of a batch whose item is not named."""


def item_folder(folder: CaptureFolder, item: str | None) -> str:
    """The name of the folder of an item, which exists then.

    An item.json states the id that was given; without one, the id is made from the folder."""
    name = made_safe(item) if item else FIRST_ITEM
    path = folder.files / name
    path.mkdir(exist_ok=True)
    fsync_folder(folder.files)
    if item and not (path / ITEM_JSON).exists():
        stated: dict[str, Any] = {"item_id": name}
        if name != item:
            stated |= {"title": item, "identifiers": [{"type": "local", "value": item}]}
        write_atomic(path / ITEM_JSON, json.dumps(stated, indent=2, ensure_ascii=False) + "\n")
    return name


def item_id_of(folder: CaptureFolder, name: str) -> str:
    """The id that the item in a folder of a batch has for the line."""
    stated = read_json(folder.files / name / ITEM_JSON).get("item_id")
    return stated if isinstance(stated, str) else made_safe(f"{folder.batch_id}.{name}")
