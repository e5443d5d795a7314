"""Counts and recognises entries of a manifest that the station makes."""

from pathlib import PurePosixPath
from typing import Any

STATION_RECORD = "made-by-station.dc.xml"


def count_files(items: list[dict[str, Any]]) -> int:
    """Number of the files that items list; a file whose images are pages counts once."""
    pages = [page for item in items for page in item["pages"]]
    files = {page["file"]["path"] for page in pages if page["file"] is not None}
    records = sum(len(item["metadata"]) for item in items)
    return records + len(files) + sum("text" in page for page in pages)


def is_made_by_station(record: dict[str, Any]) -> bool:
    """Whether a record is the minimal one that the station made."""
    return PurePosixPath(record["file"]["path"]).name == STATION_RECORD
