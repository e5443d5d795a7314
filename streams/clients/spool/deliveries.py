"""Deliveries of a spool: queued in a moment, shown, tried again, cancelled."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from processors.error_catalogue import fix_of
from schemas.models import Diagnostic
from streams.clients.spool.listing import Listing, listing_of, packed, unpacked
from streams.clients.spool.spool_database import Row, Spool, now, values_of
from streams.clients.station.folder import SubmissionOptions

QUEUED, HASHING, SENDING, PUBLISHING = "queued", "hashing", "sending", "publishing"
SUBMITTED, REFUSED, CANCELLED = "submitted", "refused", "cancelled"
OPEN = (QUEUED, HASHING, SENDING)
"""States in which a delivery can be cancelled without a trace."""
ID = "d-"


class SpoolProblem(Exception):
    """A command about the spool cannot be carried out."""

    def __init__(self, code: str, found: str, **fills: str) -> None:
        super().__init__(f"{code}: {found}")
        self.code, self.found, self.fix = code, found, fix_of(code, **fills)


@dataclass(frozen=True)
class WaitsFor:
    """Why a delivery or the outbox does not go on, and when it is tried again."""

    code: str
    found: str
    fix: str
    since: str
    attempts: int
    next_attempt_at: str

    @classmethod
    def read(cls, text: str | None) -> "WaitsFor | None":
        """What was kept, or None."""
        return cls(**json.loads(text)) if text else None

    def text(self) -> str:
        """What is kept."""
        return json.dumps(asdict(self))


@dataclass(frozen=True)
class QueuedDelivery:
    """A delivery in the spool."""

    number: int
    batch_id: str
    folder: Path
    options: SubmissionOptions
    state: str
    queued_at: str
    ended_at: str | None
    items: int
    pages: int
    files: int
    size_bytes: int
    what: str
    done: int
    total: int
    event_id: str | None
    diagnostics: tuple[Diagnostic, ...]
    waits_for: WaitsFor | None

    @property
    def id(self) -> str:
        """The id that commands show and take."""
        return f"{ID}{self.number}"

    def document(self) -> dict[str, Any]:
        """The same as JSON values."""
        progress = {"what": self.what, "done": self.done, "total": self.total}
        return {
            "id": self.id,
            "batch_id": self.batch_id,
            "folder": str(self.folder),
            "state": self.state,
            "queued_at": self.queued_at,
            "ended_at": self.ended_at,
            "items": self.items,
            "pages": self.pages,
            "files": self.files,
            "bytes": self.size_bytes,
            "progress": progress if self.what else None,
            "waits_for": asdict(self.waits_for) if self.waits_for else None,
            "event_id": self.event_id,
            "diagnostics": [one.model_dump() for one in self.diagnostics],
        }


def _delivery(row: Row) -> QueuedDelivery:
    values: Mapping[str, Any] = {
        **values_of(row),
        "folder": Path(row["folder"]),
        "options": SubmissionOptions(**json.loads(row["options"])),
        "diagnostics": tuple(Diagnostic(**one) for one in json.loads(row["diagnostics"])),
        "waits_for": WaitsFor.read(row["waits_for"]),
    }
    return QueuedDelivery(**values)


class Deliveries:
    """The deliveries of a spool, in the order in which they were queued."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool

    def queue(self, folder: Path, options: SubmissionOptions) -> QueuedDelivery:
        """Keep a folder as a delivery; durable on return. The same one again changes nothing.

        Raises SpoolProblem when another one of this batch has not ended; OSError."""
        folder = folder.resolve()
        listing = listing_of(folder)
        with self._spool.transaction():
            row = self._spool.row("open_of_batch", batch_id=options.batch_id)
            if row is not None:
                return _same(_delivery(row), folder, options)
            number = self._spool.insert(
                "queue",
                batch_id=options.batch_id,
                folder=str(folder),
                options=json.dumps(asdict(options)),
                queued_at=now(),
                **_amount(listing),
            )
            self._keep_listing(number, listing)
        return self.get(number)

    def _keep_listing(self, number: int, listing: Listing) -> None:
        self._spool.change("keep_listing", number=number, content=packed(listing))

    def listing(self, number: int) -> Listing:
        """What the folder of a delivery contained when it was queued."""
        row = self._spool.row("listing", number=number)
        return unpacked(row["content"]) if row else {}

    def get(self, number: int) -> QueuedDelivery:
        """A delivery by its number. Raises SpoolProblem."""
        row = self._spool.row("delivery", number=number)
        if row is None:
            raise SpoolProblem("spool.unknown-delivery", f"{ID}{number} is not in this spool")
        return _delivery(row)

    def find(self, delivery_id: str) -> QueuedDelivery:
        """A delivery by its id. Raises SpoolProblem."""
        digits = delivery_id.removeprefix(ID)
        if not (delivery_id.startswith(ID) and digits.isascii() and digits.isdecimal()):
            raise SpoolProblem("spool.unknown-delivery", f"{delivery_id} is not in this spool")
        return self.get(int(digits))

    def all(self) -> list[QueuedDelivery]:
        """Every delivery, oldest first."""
        return [_delivery(row) for row in self._spool.rows("deliveries")]

    def next(self) -> QueuedDelivery | None:
        """The oldest delivery that is not ended and not yet in the outbox."""
        row = self._spool.row("next_delivery")
        return _delivery(row) if row else None

    def retry(self, delivery_id: str) -> QueuedDelivery:
        """Begin a refused delivery again with the folder as it is now; let one that waits try at
        once. Raises SpoolProblem, OSError."""
        one = self.find(delivery_id)
        if one.state in (*OPEN, PUBLISHING):
            self._spool.change("wait_for", number=one.number, waits_for=None)
            self._spool.note("waits_for", None)
            return self.get(one.number)
        if one.state != REFUSED:
            raise SpoolProblem("spool.already-ended", f"{one.id} is {one.state}")
        listing = listing_of(one.folder)
        with self._spool.transaction():
            other = self._spool.row("open_of_batch", batch_id=one.batch_id)
            if other is not None:
                raise _other_of_batch(_delivery(other))
            self._spool.forget_delivery(one.number)
            self._spool.change("requeue", number=one.number, **_amount(listing))
            self._keep_listing(one.number, listing)
        return self.get(one.number)

    def cancel(self, delivery_id: str) -> QueuedDelivery:
        """End a delivery before it is published. Raises SpoolProblem."""
        with self._spool.transaction():
            one = self.find(delivery_id)
            if one.state not in (*OPEN, REFUSED):
                raise SpoolProblem("spool.already-ended", f"{one.id} is {one.state}")
            self._spool.change("end", number=one.number, state=CANCELLED, at=now())
            self._spool.forget_delivery(one.number)
        return self.get(one.number)


def _amount(listing: Listing) -> dict[str, int]:
    return {"files": len(listing), "size_bytes": sum(size for size, _ in listing.values())}


def _same(known: QueuedDelivery, folder: Path, options: SubmissionOptions) -> QueuedDelivery:
    """The delivery that is there already, if it is the same one. Raises SpoolProblem."""
    if (known.folder, known.options) == (folder, options):
        return known
    raise _other_of_batch(known)


def _other_of_batch(known: QueuedDelivery) -> SpoolProblem:
    found = f"{known.id} of batch {known.batch_id} is {known.state}, from {known.folder}"
    return SpoolProblem("spool.batch-queued", found, id=known.id)
