"""The facts of fixity runs and repairs, and the list of digests that a fact names."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from processors.error_catalogue import fix_of
from processors.pipeline import FIXITY
from processors.premis import subject_of
from processors.tools import Area, Storage
from schemas import ids
from schemas.catalogue import topic_of
from schemas.models import (
    Act,
    FileRef,
    FixityChecked,
    Head,
    ObjectRestored,
    Origin,
    Producer,
    WorkQuarantined,
)
from schemas.times import written
from streams.fixity.copies import Wanted

PRODUCER_NAME = f"copystand/{FIXITY}"
LIST_USE, LIST_TYPE = "fixity-list", "text/tab-separated-values"
LIST_COLUMNS = ("sha256", "size_bytes", "result", "read_at", "key")
INTACT = "intact"
LANE = "intake"
"""Every record names a lane; work of this one is never repeated."""
LONGEST_FOUND = 2000
WITHOUT_COPY = {
    Area.DERIVATIVES: "fixity.derivative-lost",
    Area.PACKAGES: "fixity.package-lost",
    # Records are below the receipts, and are not made again.
    Area.RECORDS: "fixity.no-copy",
    Area.RECEIPTS: "fixity.receipt-remade",
}
"""What a person can do about an object without a copy, by its area."""


@dataclass(frozen=True)
class Subject:
    """An item, or a batch without the objects of its items; an empty id means none."""

    batch_id: str
    item_id: str

    def head(self, event_id: str, cause_id: str | None, at: datetime, made_by: Producer) -> Head:
        """The head of a fact about it."""
        return Head(
            event_id=event_id,
            cause_id=cause_id,
            batch_id=self.batch_id or None,
            item_id=self.item_id or None,
            revision=1,
            occurred_at=at,
            producer=made_by,
        )

    def __str__(self) -> str:
        return f"item {self.item_id}" if self.item_id else f"batch {self.batch_id or '_none'}"


@dataclass(frozen=True)
class Failure:
    """An object that is not as recorded, and where its bytes are intact."""

    wanted: Wanted
    code: str
    found: str
    use: str
    page_id: str | None
    copies: Sequence[str]
    repositories: Sequence[str]


def keep_list(store: Storage, rows: Iterable[dict[str, Any]]) -> FileRef:
    """Store the digests that a run read, one object a line. Raises StorageError."""
    lines = ["\t".join(LIST_COLUMNS)]
    for row in rows:
        read_at, result = written(row["checked_at"]), row["code"] or INTACT
        values = (row["sha256"] or "", row["size_bytes"] or 0, result, read_at, row["key"])
        lines.append("\t".join(map(str, values)))
    content = "".join(f"{line}\n" for line in lines).encode()
    return store.keep(content, area=Area.RECORDS, use=LIST_USE, media_type=LIST_TYPE)


def checked_id(run_id: str, subject: Subject) -> str:
    """The event_id of the fact about one subject of a run."""
    work_id = ids.make_id(run_id, FIXITY, subject.batch_id, subject.item_id)
    return ids.fact_id(work_id, FixityChecked.__name__)


def failure_fact(
    run_id: str, subject: Subject, failure: Failure, at: datetime, made_by: Producer
) -> WorkQuarantined:
    """The quarantine record of an object, with the failed check as its act."""
    wanted, cause = failure.wanted, checked_id(run_id, subject)
    work_id = ids.make_id(run_id, FIXITY, wanted.key)
    event_id = ids.fact_id(work_id, WorkQuarantined.__name__)
    head = subject.head(event_id, cause, at, made_by)
    about = f"page:{failure.page_id}" if failure.page_id else subject_of(head)
    act = Act(
        type="fixity check",
        outcome="fai",
        code=failure.code,
        detail=f"{wanted.key}: {failure.found}. Recorded SHA-256: {wanted.sha256 or 'none'}.",
        sources=(*((f"sha256:{wanted.sha256}",) if wanted.sha256 else ()), about),
    )
    page = f" of page {failure.page_id}" if failure.page_id else ""
    return WorkQuarantined(
        head=head,
        step=FIXITY,
        lane=LANE,
        work_id=work_id,
        required=False,
        code=failure.code,
        where=f"{failure.use}{page}: {wanted.key}",
        found=f"{failure.found}. {_copies(failure)}"[:LONGEST_FOUND],
        fix=_fix(failure),
        attempts=1,
        origin=Origin(
            topic=topic_of(FixityChecked.__name__).name, partition=0, offset=0, event_id=cause
        ),
        acts=(act,),
    )


def _copies(failure: Failure) -> str:
    if failure.copies:
        return f"The same bytes are in: {'; '.join(failure.copies)}"
    elsewhere = "; ".join(failure.repositories)
    others = f" Repositories with the package: {elsewhere}" if elsewhere else ""
    return f"No other object or package of the store has the same bytes.{others}"


def _fix(failure: Failure) -> str:
    digest = failure.wanted.sha256
    if failure.copies:
        return fix_of(failure.code, digest=digest)
    if not digest:
        return fix_of("fixity.receipt-lost")
    for area, code in WITHOUT_COPY.items():
        if failure.wanted.key.startswith(f"{area}/"):
            return fix_of(code, digest=digest)
    return fix_of("fixity.no-copy", digest=digest)


def restored_fact(
    wanted: Wanted,
    quarantine_id: str,
    subject: Subject,
    source: str,
    by: str | None,
    reason: str,
    at: datetime,
    made_by: Producer,
) -> ObjectRestored:
    """The fact that an object has its recorded bytes again; a record has one."""
    digest = f"sha256:{wanted.sha256}"
    detail = f"{wanted.key} was read back: it has the recorded SHA-256."
    return ObjectRestored(
        head=subject.head(restored_id(quarantine_id), quarantine_id, at, made_by),
        quarantine_id=quarantine_id,
        key=wanted.key,
        sha256=wanted.sha256,
        source=source,
        by=by,
        reason=reason,
        files=(wanted.ref,),
        acts=(
            Act(type="fixity check", outcome="suc", detail=detail, sources=(digest,)),
            Act(
                type="unquarantine",
                outcome="suc",
                detail=f"Quarantine record {quarantine_id} is closed.",
                sources=(digest,),
            ),
        ),
    )


def restored_id(quarantine_id: str) -> str:
    """The event_id of the fact that closes a quarantine record."""
    return ids.fact_id(quarantine_id, ObjectRestored.__name__)
