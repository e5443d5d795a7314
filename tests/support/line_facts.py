"""Makes the facts that the tracker reads, with the ids the driver would give them."""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from processors.tools import Area, Storage
from schemas import ids
from schemas.catalogue import key_of, topic_of
from schemas.codec import encode
from schemas.models import (
    BatchAccepted,
    BatchReceived,
    CaptureAccepted,
    ControlRequested,
    FileRef,
    Head,
    ItemRegistered,
    Origin,
    PackageCounts,
    PackagePublished,
    PageAcquired,
    PageRecognized,
    Producer,
    ReceiptAccepted,
    Record,
    Rights,
    WorkDeferred,
    WorkQuarantined,
)
from streams.kafka.messages import Incoming

NOON = datetime.fromisoformat("2026-03-01T12:00:00+00:00")
DIGEST = "ab" * 32


def a_file(use: str) -> FileRef:
    area = "staging" if use == "capture" else "masters"
    return FileRef(
        use=use, key=f"{area}/sha256/ab/{DIGEST}", sha256=DIGEST, size_bytes=1, media_type="a/b"
    )


@dataclass
class Delivery:
    """One batch as the line would see it: items with so many pages each."""

    storage: Storage
    batch_id: str
    items: dict[str, int]
    manifest: str = "m1"
    priority: str = "normal"
    missing: frozenset[str] = frozenset()
    captured: bool = False
    at: datetime = NOON
    _clock: list[int] = field(default_factory=lambda: [0])

    def head(self, event_id: str, cause_id: str | None, **about: Any) -> Head:
        self._clock[0] += 1
        return Head(
            event_id=event_id,
            cause_id=cause_id,
            batch_id=self.batch_id,
            revision=1,
            occurred_at=self.at + timedelta(milliseconds=self._clock[0]),
            producer=Producer(name="copystand/test", version="1"),
            **about,
        )

    @property
    def received_id(self) -> str:
        return ids.make_id("received", self.batch_id, self.manifest)

    def registered_id(self, item_id: str) -> str:
        return ids.make_id(self.received_id, "ItemRegistered", item_id)

    def acquired_id(self, page_id: str) -> str:
        work = ids.work_id(ids.make_id(page_id, 1, "PageAdmitted"), "acquire_page")
        return ids.fact_id(work, "PageAcquired")

    def pages(self, item_id: str) -> list[str]:
        return [ids.page_id(item_id, f"{n:04}") for n in range(1, self.items[item_id] + 1)]

    def present(self, item_id: str) -> list[str]:
        return [page for page in self.pages(item_id) if page not in self.missing]

    def received(self) -> BatchReceived:
        return BatchReceived(
            head=self.head(self.received_id, ids.make_id(self.batch_id, self.manifest)),
            manifest_sha256=self.manifest,
            files=(a_file("manifest"),),
        )

    def accepted(self) -> BatchAccepted:
        return BatchAccepted(
            head=self.head(ids.make_id(self.received_id, "BatchAccepted"), self.received_id),
            item_count=len(self.items),
            page_count=sum(self.items.values()),
            manifest_sha256=self.manifest,
            received_sha256=self.manifest,
            scanner_profile="as-delivered",
            priority=self.priority,
        )

    def registered(self, item_id: str) -> ItemRegistered:
        document = {"pages": [self._entry(page) for page in self.pages(item_id)]}
        text = json.dumps(document, sort_keys=True).encode()
        kept = self.storage.keep(
            text, area=Area.RECORDS, use="page-list", media_type="application/json"
        )
        return ItemRegistered(
            head=self.head(self.registered_id(item_id), self.received_id, item_id=item_id),
            page_count=self.items[item_id],
            required_branches=("recognize_page",),
            priority=self.priority,
            files=(kept, a_file("profile")),
        )

    def _entry(self, page_id: str) -> dict[str, Any]:
        missing = page_id in self.missing
        ref = page_id.rpartition(":")[2]
        file = {"path": f"{ref}.tif", "sha256": DIGEST, "size_bytes": 1}
        file |= {"key": f"staging/sha256/ab/{DIGEST}", "media_type": "image/tiff"}
        return {
            "ref": ref,
            "sequence": int(ref),
            "kind": "missing" if missing else "page",
            "layout": "single",
            "labels": [],
            "languages": ["eng"],
            "script": "Latn",
            "capture": self.capture_id(page_id) if self.captured and not missing else None,
            "file": None if missing else file,
        }

    def capture_id(self, page_id: str) -> str:
        return ids.make_id("capture", page_id)

    def captured_fact(self, page_id: str) -> CaptureAccepted:
        capture = self.capture_id(page_id)
        return CaptureAccepted(
            head=self._about_page(ids.make_id(capture, "accepted"), capture, page_id),
            capture_id=capture,
            sequence=int(page_id.rpartition(":")[2]),
        )

    def acquired(self, page_id: str) -> PageAcquired:
        ref = page_id.rpartition(":")[2]
        admitted = ids.make_id(page_id, 1, "PageAdmitted")
        return PageAcquired(
            head=self._about_page(self.acquired_id(page_id), admitted, page_id),
            ref=ref,
            sequence=int(ref),
            kind="page",
            layout="single",
            original_name=f"{ref}.tif",
            required_branches=("recognize_page",),
            format_name="TIFF",
            width_px=10,
            height_px=10,
            bits_per_sample=8,
            samples_per_pixel=1,
            colour_space="grey",
            files=(a_file("master"), a_file("profile")),
        )

    def recognized(self, page_id: str) -> PageRecognized:
        cause = self.acquired_id(page_id)
        event_id = ids.fact_id(ids.work_id(cause, "recognize_page"), "PageRecognized")
        return PageRecognized(
            head=self._about_page(event_id, cause, page_id), words=1, characters=5, read=True
        )

    def published(self, item_id: str) -> PackagePublished:
        completed = ids.make_id(item_id, 1, "ItemCompleted")
        event_id = ids.fact_id(ids.work_id(completed, "assemble_package"), "PackagePublished")
        return PackagePublished(
            head=self.head(event_id, completed, item_id=item_id),
            package_id=ids.package_id(item_id, 1),
            item_id=item_id,
            revision=1,
            key=f"packages/sha256/ab/{DIGEST}",
            sha256=DIGEST,
            size_bytes=1,
            content_digest=DIGEST,
            rights=Rights(),
            counts=PackageCounts(pages=1, masters=1, texts=1, files=4),
        )

    def receipt(self, item_id: str, accepted: bool) -> ReceiptAccepted:
        package = ids.package_id(item_id, 1)
        return ReceiptAccepted(
            head=self.head(ids.make_id(package, "receipt"), None, item_id=item_id),
            package_id=package,
            accepted=accepted,
            reason=None if accepted else "no embargo date",
            repository="archive",
        )

    def page_quarantined(self, page_id: str, step: str, required: bool = True) -> WorkQuarantined:
        head = self._about_page("", self._input_of(page_id, step), page_id)
        return self.quarantined(head, step, required)

    def item_quarantined(self, item_id: str) -> WorkQuarantined:
        head = self.head("", ids.make_id(item_id, 1, "ItemCompleted"), item_id=item_id)
        return self.quarantined(head, "assemble_package")

    def batch_quarantined(self) -> WorkQuarantined:
        return self.quarantined(self.head("", self.received_id), "validate_batch")

    def quarantined(self, head: Head, step: str, required: bool = True) -> WorkQuarantined:
        work = ids.work_id(str(head.cause_id), step)
        event_id = ids.fact_id(work, "WorkQuarantined")
        return WorkQuarantined(
            head=head.model_copy(update={"event_id": event_id}),
            step=step,
            lane="text",
            work_id=work,
            required=required,
            code="page.not-decodable",
            where="here",
            found="damage",
            fix="Rescan it.",
            attempts=1,
            origin=Origin(
                topic="t",
                partition=0,
                offset=0,
                key=head.page_id or head.item_id or head.batch_id,
                event_id=str(head.cause_id),
            ),
            files=(self._original(head),),
        )

    def _original(self, head: Head) -> FileRef:
        """The bytes that were at work, as the driver keeps them."""
        content = f"what {head.cause_id} said".encode()
        kind = "application/octet-stream"
        return self.storage.keep(content, area=Area.RECORDS, use="original", media_type=kind)

    def deferred(self, page_id: str, attempt: int, error_class: str = "tool-hung") -> WorkDeferred:
        cause, step = self.acquired_id(page_id), "recognize_page"
        work = ids.work_id(cause, step)
        return WorkDeferred(
            head=self._about_page(ids.deferral_id(work, attempt), cause, page_id),
            step=step,
            lane="text",
            work_id=work,
            attempt=attempt,
            error_class=error_class,
            why="no answer",
            origin=Origin(topic="t", partition=0, offset=0, key=page_id, event_id=cause),
            value=encode(self.acquired(page_id)),
        )

    def everything(self) -> list[Record]:
        """All facts of a batch that goes well, parents first."""
        facts: list[Record] = [self.received(), self.accepted()]
        for item_id in self.items:
            facts.append(self.registered(item_id))
            for page_id in self.present(item_id):
                facts += [self.captured_fact(page_id)] if self.captured else []
                facts += [self.acquired(page_id), self.recognized(page_id)]
            facts.append(self.published(item_id))
        return facts

    def _input_of(self, page_id: str, step: str) -> str:
        admitted = ids.make_id(page_id, 1, "PageAdmitted")
        return admitted if step == "acquire_page" else self.acquired_id(page_id)

    def _about_page(self, event_id: str, cause_id: str, page_id: str) -> Head:
        item_id = page_id.rpartition(":")[0]
        return self.head(event_id, cause_id, item_id=item_id, page_id=page_id)


def a_request(
    action: str, *subjects: str, value: str | None = None, file: FileRef | None = None
) -> ControlRequested:
    """A person's request."""
    return ControlRequested(
        head=Head(
            event_id=ids.make_id("request", action, *subjects, value or ""),
            batch_id=subjects[0].partition(":")[2] if subjects else None,
            revision=1,
            occurred_at=NOON,
            producer=Producer(name="copystand/cli", version="1"),
        ),
        action=action,
        subjects=subjects,
        value=value,
        by="p-4",
        reason="because",
        files=(file,) if file else (),
    )


class Log:
    """Turns facts into messages, each with the next offset of its topic's one partition."""

    def __init__(self) -> None:
        self._next: dict[str, int] = {}

    def __call__(self, *facts: Record) -> list[Incoming]:
        """These facts as they would be read."""
        return [
            self.raw(topic_of(type(fact).__name__).name, key_of(fact), encode(fact))
            for fact in facts
        ]

    def raw(self, topic: str, key: str, value: bytes | None) -> Incoming:
        """Any bytes as they would be read."""
        offset = self._next.get(topic, 0)
        self._next[topic] = offset + 1
        return Incoming(topic, 0, offset, key.encode(), value, {})
