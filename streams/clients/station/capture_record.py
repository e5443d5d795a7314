"""The record of a capture, a file beside its page: who scanned it, how, and its digest."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.files import read_json
from streams.clients.station.scan import DeliveredFile

SUFFIX = ".capture.json"
FORM = "copystand-capture-1"
"""Marks a file as such a record."""
CAPTURED, SKIPPED, REMOVED, SEPARATOR = "captured", "skipped", "removed", "separator"
"""States of a record. Only a captured page has a file. A skipped one keeps its place."""
MISSING = "missing"
"""The kind of a page without a file."""


@dataclass(frozen=True)
class CaptureRecord:
    """All that is known about how a page was captured."""

    ref: str
    file: str
    sha256: str
    size_bytes: int
    captured_at: str
    driver: str
    device: dict[str, Any]
    profile: str
    asked: dict[str, Any]
    confirmed: dict[str, Any]
    """Settings as the device reported them; empty if its protocol has no such report."""
    found: dict[str, Any]
    """What the header of the file states."""
    operator: str | None = None
    warnings: list[dict[str, str]] = field(default_factory=list)
    original_name: str | None = None
    kind: str = "page"
    labels: list[str] = field(default_factory=list)
    previous: dict[str, Any] | None = None
    """The record of the capture that this one replaces."""
    moved_from: str | None = None
    """Where the page was before its source got another name."""
    measured: dict[str, Any] | None = None
    """What was measured in the image; None if the station could not decode it."""
    target: dict[str, Any] | None = None
    """What was measured of the chart on a page of the kind `target`."""
    event_id: str | None = None
    """The id of its page.captured, given once; None in records of versions before 0.3.0."""
    pixels_sha256: str | None = None
    """The SHA-256 of its pixels (docs/contract.md §2), or None if the station cannot decode it."""
    state: str = CAPTURED
    follows: str | None = None
    """The ref of the page after which this one was inserted; empty for the beginning."""
    superseded: list[str] = field(default_factory=list)
    """Files of the captures that this page had before, below the folder of the batch."""
    reason: str | None = None
    """Why the page was skipped or removed."""
    separator: str | None = None
    """The payload of a separator sheet, which is kept and is not a page."""
    form: str = FORM

    @property
    def has_file(self) -> bool:
        """Whether there is a page image beside the record."""
        return self.state == CAPTURED

    @classmethod
    def read(cls, path: Path) -> "CaptureRecord | None":
        """The record in a file, or None if it is not one."""
        return cls.of(read_json(path))

    @classmethod
    def of(cls, fields: dict[str, Any]) -> "CaptureRecord | None":
        """The record with these fields, or None if they are not those of a record."""
        if fields.get("form") != FORM:
            return None
        try:
            return cls(**{key: fields[key] for key in fields if key in cls.__dataclass_fields__})
        except TypeError:
            return None

    def earlier(self) -> "list[CaptureRecord]":
        """The records of the captures that this one replaces, oldest first."""
        replaced = CaptureRecord.of(self.previous) if self.previous else None
        return [*replaced.earlier(), replaced] if replaced is not None else []

    def document(self) -> dict[str, Any]:
        """The same as JSON values."""
        return dict(vars(self))

    def content(self) -> bytes:
        """The bytes of its file."""
        return (json.dumps(self.document(), indent=2, ensure_ascii=False) + "\n").encode()


def record_path(page: Path) -> Path:
    """Where the record of a page is."""
    return page.with_name(page.stem + SUFFIX)


def digest_of(path: Path) -> str:
    """The SHA-256 of a file. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def records_of_captures(files: Iterable[DeliveredFile]) -> set[str]:
    """The names of the files of a delivery that are such records."""
    return {
        one.name
        for one in files
        if one.name.endswith(SUFFIX) and CaptureRecord.read(one.path) is not None
    }
