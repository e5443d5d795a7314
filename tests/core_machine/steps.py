"""Pure functions in place of the steps: no images, the same facts."""

import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from processors.outcome import Done, Outcome, subject
from processors.tools import Area, Storage
from schemas import ids
from schemas.models import (
    BatchAccepted,
    BatchReceived,
    BatchSubmitted,
    Fact,
    FileRef,
    Head,
    ItemCompleted,
    ItemRegistered,
    PackageCounts,
    PackagePublished,
    PageAcquired,
    PageAdmitted,
    PageCaptured,
    PageDerived,
    PageDescribed,
    PageRecognized,
    Producer,
    Rights,
)
from streams.execution.facts import utc_now
from tests.core_machine.outcomes import Submission

JSON = "application/json"
FACTS_OF_A_PAGE = ("PageAdmitted", "PageAcquired")


def store_document(storage: Storage, document: Any, use: str) -> FileRef:
    """Store a JSON document."""
    text = json.dumps(document, sort_keys=True).encode()
    return storage.keep(text, area=Area.RECORDS, use=use, media_type=JSON)


def manifest_of(submission: Submission) -> bytes:
    """The manifest of a submission: what the steps need, without the outcomes of their work."""
    plain = {
        "batch_id": submission.batch_id,
        "items": submission.items,
        "required": submission.required,
        "optional": submission.optional,
        "priority": submission.priority,
        "missing": sorted(submission.missing),
        "captured": submission.captured,
    }
    return json.dumps(plain, sort_keys=True).encode()


def messages_of_a_station(submission: Submission, storage: Storage) -> list[Fact]:
    """The facts that a station publishes about a batch."""
    text = manifest_of(submission)
    digest = sha256(text).hexdigest()
    key = f"staging/sha256/{digest[:2]}/{digest}"
    storage.put_new(key, text)
    file = FileRef(use="manifest", key=key, sha256=digest, size_bytes=len(text), media_type=JSON)
    head = Head(
        event_id=ids.make_id(submission.batch_id, digest),
        batch_id=submission.batch_id,
        revision=1,
        occurred_at=utc_now(),
        producer=Producer(name="copystand/station", version="1"),
    )
    captures: list[Fact] = [
        PageCaptured(
            head=head.model_copy(
                update={"event_id": capture_of(page), "item_id": item_id, "page_id": page}
            ),
            sequence=int(page.rpartition(":")[2]),
        )
        for item_id, _ in submission.items
        for page in (submission.pages(item_id) if submission.captured else ())
    ]
    return [BatchSubmitted(head=head, manifest_sha256=digest, files=(file,)), *captures]


def capture_of(page_id: str) -> str:
    """The event_id of the capture of a page."""
    return ids.make_id("capture", page_id)


def validate_batch(batch: BatchReceived, storage: Storage) -> Outcome:
    """Accept the batch and register its items."""
    manifest = json.loads(storage.read(batch.files[0]))
    profile = store_document(storage, {"optional": manifest["optional"]}, "profile")
    accepted = BatchAccepted(
        item_count=len(manifest["items"]),
        page_count=sum(pages for _, pages in manifest["items"]),
        manifest_sha256=batch.manifest_sha256,
        received_sha256=batch.manifest_sha256,
        scanner_profile="as-delivered",
        priority=manifest["priority"],
    )
    items = [
        ItemRegistered(
            head=subject(batch_id=batch.head.batch_id, item_id=item_id),
            page_count=pages,
            required_branches=manifest["required"],
            priority=manifest["priority"],
            files=(
                store_document(storage, _page_list(manifest, item_id, pages), "page-list"),
                profile,
            ),
        )
        for item_id, pages in manifest["items"]
    ]
    return Done(accepted, *items)


def _page_list(manifest: dict[str, Any], item_id: str, pages: int) -> dict[str, Any]:
    return {"pages": [_entry(manifest, item_id, number) for number in range(1, pages + 1)]}


def _entry(manifest: dict[str, Any], item_id: str, number: int) -> dict[str, Any]:
    ref, page = f"{number:04}", f"{item_id}:{number:04}"
    missing = page in manifest["missing"]
    digest = sha256(page.encode()).hexdigest()
    key = f"staging/sha256/{digest[:2]}/{digest}"
    file = {"path": f"{ref}.tif", "sha256": digest, "size_bytes": 1, "key": key}
    return {
        "ref": ref,
        "sequence": number,
        "kind": "missing" if missing else "page",
        "layout": "single",
        "labels": [],
        "languages": ["eng"],
        "script": "Latn",
        "capture": capture_of(page) if manifest["captured"] and not missing else None,
        "file": None if missing else file | {"media_type": "image/tiff"},
    }


def acquire_page(page: PageAdmitted, storage: Storage) -> Outcome:
    """Use the capture as the master."""
    capture, profile = page.files[0], page.files[1]
    shared = ("ref", "sequence", "kind", "layout", "original_name", "required_branches", "priority")
    return Done(
        PageAcquired(
            **page.model_dump(include=set(shared)),
            optional_branches=json.loads(storage.read(profile))["optional"],
            format_name="TIFF",
            width_px=10,
            height_px=10,
            bits_per_sample=8,
            samples_per_pixel=1,
            colour_space="grey",
            files=(capture.model_copy(update={"use": "master"}), profile),
        )
    )


def recognize_page(page: PageAcquired, storage: Storage) -> Outcome:
    """Recognize one word."""
    del page, storage
    return Done(PageRecognized(words=1, characters=5, read=True))


def derive_page(page: PageAcquired, storage: Storage) -> Outcome:
    """Use the master as the access image."""
    del storage
    return Done(PageDerived(files=(page.files[0].model_copy(update={"use": "access"}),)))


def describe_page(page: PageAcquired, storage: Storage) -> Outcome:
    """Describe nothing."""
    del page, storage
    return Done(PageDescribed())


def assemble_package(item: ItemCompleted, storage: Storage) -> Outcome:
    """Package the pages of the item record. Raises ValueError if one is incomplete."""
    files = {file.use: file for file in item.files}
    record = json.loads(storage.read(files["item-record"]))
    entries = json.loads(storage.read(files["page-list"]))["pages"]
    required = next(
        row["fact"]["required_branches"]
        for row in record["facts"]
        if row["record"] == "ItemRegistered"
    )
    expected = {
        f"{record['item_id']}:{entry['ref']}"
        for entry in entries
        if entry["kind"] != "missing" and entry["ref"] not in record["withdrawn"]
    }
    pages = _complete_pages(record["facts"], {BRANCH_RECORDS[step] for step in required})
    if set(pages) != expected:
        raise ValueError(
            f"{record['item_id']}: {sorted(pages)} complete, {sorted(expected)} expected"
        )
    return Done(_package(item, record["item_id"], pages))


def _package(item: ItemCompleted, item_id: str, pages: dict[str, list[str]]) -> PackagePublished:
    content = json.dumps(pages, sort_keys=True).encode()
    digest, revision, count = sha256(content).hexdigest(), item.head.revision, len(pages)
    missing = item.page_count - count
    return PackagePublished(
        package_id=ids.package_id(item_id, revision),
        item_id=item_id,
        revision=revision,
        key=f"packages/sha256/{digest[:2]}/{digest}",
        sha256=digest,
        size_bytes=len(content),
        content_digest=digest,
        rights=Rights(),
        counts=PackageCounts(pages=count, masters=count, texts=count, files=count, missing=missing),
    )


BRANCH_RECORDS = {
    "acquire_page": "PageAcquired",
    "recognize_page": "PageRecognized",
    "derive_page": "PageDerived",
    "describe_page": "PageDescribed",
}


def _complete_pages(facts: list[dict[str, Any]], branches: set[str]) -> dict[str, list[str]]:
    """The digests of the masters of each page that has every fact once, all of one revision."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in facts:
        if row["fact"]["head"]["page_id"]:
            rows.setdefault(row["fact"]["head"]["page_id"], []).append(row)
    needed = sorted({*FACTS_OF_A_PAGE, *branches})
    complete = {}
    for page, of_page in rows.items():
        revisions = {row["fact"]["head"]["revision"] for row in of_page}
        if sorted(row["record"] for row in of_page) == needed and len(revisions) == 1:
            acquired = next(row["fact"] for row in of_page if row["record"] == "PageAcquired")
            complete[page] = [
                file["sha256"] for file in acquired["files"] if file["use"] == "master"
            ]
    return complete


STAND_INS: dict[str, Callable[[Any, Storage], Outcome]] = {
    step.__name__: step
    for step in (
        validate_batch,
        acquire_page,
        recognize_page,
        derive_page,
        describe_page,
        assemble_package,
    )
}
