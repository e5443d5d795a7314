"""Builds facts for tests; a test mentions only what matters to it."""

from datetime import UTC, datetime
from typing import Any

from schemas import ids
from schemas.models import BatchSubmitted, Fact, FileRef, Head, PageAdmitted, Producer

NOON = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def a_head(**changes: Any) -> Head:
    """A head about page 0001 of item vol-1 of batch b-1."""
    head: dict[str, Any] = {
        "event_id": ids.make_id("test", "event"),
        "cause_id": ids.make_id("test", "cause"),
        "batch_id": "b-1",
        "item_id": "vol-1",
        "page_id": "vol-1:0001",
        "revision": 1,
        "occurred_at": NOON,
        "producer": Producer(name="copystand/test", version="1"),
    }
    return Head(**(head | changes))


def a_file(use: str = "capture", **changes: Any) -> FileRef:
    """A reference to a file that need not exist."""
    digest = "ab" * 32
    file = {
        "use": use,
        "key": f"staging/sha256/ab/{digest}",
        "sha256": digest,
        "size_bytes": 12,
        "media_type": "image/tiff",
    }
    return FileRef(**(file | changes))


def a_page(**changes: Any) -> PageAdmitted:
    """An admitted page."""
    page: dict[str, Any] = {
        "head": a_head(),
        "ref": "0001",
        "sequence": 1,
        "kind": "page",
        "layout": "single",
        "languages": ("eng",),
        "script": "Latn",
        "original_name": "0001.tif",
        "priority": "normal",
        "required_branches": ("recognize_page",),
        "files": (a_file("capture"), a_file("profile")),
    }
    return PageAdmitted(**(page | changes))


def a_submission(batch_id: str = "b-1", **changes: Any) -> BatchSubmitted:
    """A submission as a station publishes it."""
    digest = "cd" * 32
    manifest = FileRef(
        use="manifest",
        key=f"staging/sha256/cd/{digest}",
        sha256=digest,
        size_bytes=2,
        media_type="application/json",
    )
    head = a_head(
        event_id=ids.make_id(batch_id, digest),
        cause_id=None,
        batch_id=batch_id,
        item_id=None,
        page_id=None,
    )
    fields: dict[str, Any] = {"head": head, "manifest_sha256": digest, "files": (manifest,)}
    return BatchSubmitted(**(fields | changes))


def restamped(fact: Fact, **changes: Any) -> Fact:
    """The fact with another head."""
    head = fact.head.model_copy(update=changes)
    return fact.model_copy(update={"head": head})
