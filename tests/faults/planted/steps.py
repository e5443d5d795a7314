"""Steps of the line in one process: small stand-ins that store what they tell of, and two real ones."""

import json
from collections import Counter
from pathlib import Path

from processors.assemble_package import assemble_package
from processors.outcome import Done, ErrorClass, Outcome, Rejected, StorageError, TryLater, subject
from processors.pipeline import Step
from processors.tools import Area, Storage, Tools
from schemas.models import (
    Act,
    Agent,
    BatchAccepted,
    BatchReceived,
    FileRef,
    ItemCompleted,
    ItemRegistered,
    PageAcquired,
    PageAdmitted,
    PageRecognized,
    Record,
)

REQUIRED = ("recognize_page",)
BAD, HANGS, STUCK = b"bad", b"hangs", b"stuck"
"""How the bytes of a page begin that is damaged, hangs twice, or hangs until repaired."""
SHARED = ("ref", "sequence", "kind", "layout", "original_name", "required_branches", "priority")


class Steps:
    """What the roles run instead of a pool of children."""

    def __init__(self, storage: Storage, scratch: Path) -> None:
        self.tools = Tools(storage=storage, scratch=scratch)
        self.repaired = False
        self._tries: Counter[str] = Counter()

    def run(self, step: Step, fact: Record) -> Outcome:
        """The outcome of a step."""
        if isinstance(fact, BatchReceived):
            return self._validate(fact)
        if isinstance(fact, PageAdmitted):
            return self._acquire(fact)
        if isinstance(fact, PageAcquired):
            return self._recognize(fact)
        if isinstance(fact, ItemCompleted):
            return assemble_package(fact, self.tools)
        return step.function(fact, self.tools)

    def _validate(self, fact: BatchReceived) -> Outcome:
        manifest = json.loads(self.tools.storage.read(fact.files[0]))
        if manifest.get("faulty"):
            return Rejected(
                "manifest.faulty", found="two faults", fix="Correct them.", where="manifest"
            )
        batch_id, revision = str(fact.head.batch_id), fact.head.revision
        # The masters are no images, so they cannot be in a PDF.
        named = {"name": "as-delivered", "package": {"pdf": False}}
        profile = self._kept("profile", named)
        accepted = BatchAccepted(
            head=subject(batch_id, revision=revision),
            item_count=len(manifest["items"]),
            page_count=sum(len(item["pages"]) for item in manifest["items"]),
            manifest_sha256=fact.manifest_sha256,
            received_sha256=fact.files[0].sha256,
            scanner_profile="as-delivered",
            priority="normal",
            not_before=manifest["not_before"],
            files=(fact.files[0], profile),
        )
        items = [
            ItemRegistered(
                head=subject(batch_id, item["item"]["item_id"], revision=revision),
                page_count=len(item["pages"]),
                replaces=item["item"].get("replaces"),
                required_branches=REQUIRED,
                priority="normal",
                files=(self._kept("page-list", item), profile),
            )
            for item in manifest["items"]
        ]
        return Done(accepted, *items)

    def _acquire(self, fact: PageAdmitted) -> Outcome:
        capture = next(file for file in fact.files if file.use == "capture")
        content = self.tools.storage.read(capture)
        master = self._file(content, Area.MASTERS, "master", "image/tiff")
        if content.startswith(BAD):
            return Rejected("page.not-decodable", found="strip 3 is cut", fix="Rescan the page.")
        return Done(
            PageAcquired(
                **{name: getattr(fact, name) for name in SHARED},
                format_name="TIFF",
                width_px=10,
                height_px=10,
                bits_per_sample=8,
                samples_per_pixel=1,
                colour_space="grey",
                files=(master, *(file for file in fact.files if file.use == "profile")),
                acts=(_act("fixity check", capture), _act("validation", master)),
            )
        )

    def _recognize(self, fact: PageAcquired) -> Outcome:
        master = next(file for file in fact.files if file.use == "master")
        content, page = self.tools.storage.read(master), str(fact.head.page_id)
        self._tries[page] += 1
        hangs = content.startswith(HANGS) and self._tries[page] < 3
        if hangs or (content.startswith(STUCK) and not self.repaired):
            return TryLater("tesseract gives no answer", ErrorClass.TOOL_HUNG)
        if self._tries[page] == 1 and fact.sequence == 3:
            raise StorageError("the store is away for a moment")
        text = self._file(f"text of {page}".encode(), Area.DERIVATIVES, "text", "text/plain")
        made = _act("creation", master, text)
        return Done(PageRecognized(words=3, characters=12, read=True, files=(text,), acts=(made,)))

    def _kept(self, use: str, document: object) -> FileRef:
        content = json.dumps(document, sort_keys=True).encode()
        return self._file(content, Area.RECORDS, use, "application/json")

    def _file(self, content: bytes, area: Area, use: str, media_type: str) -> FileRef:
        return self.tools.storage.keep(content, area=area, use=use, media_type=media_type)


def _act(kind: str, source: FileRef, *results: FileRef) -> Act:
    return Act(
        type=kind,
        outcome="suc",
        detail=f"{kind} done",
        agents=(Agent(type="software", name="stand-in", version="1", role="executing program"),),
        sources=(f"sha256:{source.sha256}",),
        results=tuple(f"sha256:{file.sha256}" for file in results),
    )
