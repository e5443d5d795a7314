"""Works on one delivery: reads its folder, sends its files, puts its submission into the outbox."""

import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from schemas.models import Diagnostic
from streams.clients.spool.deliveries import (
    CANCELLED,
    HASHING,
    PUBLISHING,
    REFUSED,
    SENDING,
    Deliveries,
    QueuedDelivery,
)
from streams.clients.spool.destination import Destination, FilesMissing, NotTaken, Stopped
from streams.clients.spool.listing import differences, listing_of
from streams.clients.spool.outbox import Outbox
from streams.clients.spool.sending import Confirmations, send_files
from streams.clients.spool.spool_database import Spool, now
from streams.clients.spool.waiting import MustWait
from streams.clients.station.findings import finding, is_certain
from streams.clients.station.folder import Delivery, read_folder
from streams.clients.station.preflight import preflight
from streams.clients.station.publishing import submission_id, submission_messages
from streams.clients.station.scan import DeliveredFile

SHOW_SECONDS = 1.0


class Refused(Exception):
    """The delivery itself is at fault; a person must act."""

    def __init__(self, found: list[Diagnostic]) -> None:
        super().__init__("; ".join(f"{one.code}: {one.where}" for one in found))
        self.found = found


class KnownDigests:
    """The digests of a delivery's files, kept while the folder is read."""

    def __init__(self, spool: Spool, number: int) -> None:
        self._spool, self._number = spool, number
        self._new: list[tuple[int, bytes, int, int, str]] = []
        self._kept_at = time.monotonic()
        self._known = {
            row["name"]: ((row["size_bytes"], row["modified_ns"]), row["digests"])
            for row in spool.rows("digests", number=number)
        }

    def recall(self, file: DeliveredFile) -> Mapping[str, str]:
        """The digests of a file that has not changed since the delivery was queued."""
        state, digests = self._known.get(os.fsencode(file.name), (None, "{}"))
        if state != (file.size_bytes, file.modified_ns):
            return {}
        found: Mapping[str, str] = json.loads(digests)
        return found

    def remember(self, file: DeliveredFile, digests: Mapping[str, str]) -> None:
        """Keep the digests of a file soon."""
        state = (file.size_bytes, file.modified_ns)
        self._new.append((self._number, os.fsencode(file.name), *state, json.dumps(digests)))
        if time.monotonic() - self._kept_at > SHOW_SECONDS:
            self.keep()

    def keep(self) -> None:
        """Make all of them durable."""
        rows, self._new, self._kept_at = self._new, [], time.monotonic()
        if rows:
            with self._spool.transaction():
                self._spool.change_many("keep_digests", rows)


class DeliveryWork:
    """Everything that the deliveries of one process have in common."""

    def __init__(
        self,
        spool: Spool,
        destination: Callable[[], Destination],
        profiles: Path,
        station: str,
        keep_going: Callable[[], bool] = lambda: True,
    ) -> None:
        """`destination` raises MustWait while it cannot be reached; `station` is the name of this
        one."""
        self._spool, self._deliveries = spool, Deliveries(spool)
        self._destination, self._profiles, self._station = destination, profiles, station
        self._keep_going = keep_going

    def work(self, one: QueuedDelivery) -> None:
        """Bring a delivery into the outbox, or refuse it. Begins where it was interrupted.

        Raises MustWait; Stopped when it was cancelled or the process is to end."""
        try:
            self._work(one)
        except Refused as refused:
            with self._spool.transaction():
                self._enter(one, HASHING)
                self._describe(one, None, refused.found)
                self._spool.change("end", number=one.number, state=REFUSED, at=now())
        self._spool.change("wait_for", number=one.number, waits_for=None)

    def _work(self, one: QueuedDelivery) -> None:
        self._enter(one, HASHING)
        delivery, found = self._read(one)
        self._describe(one, delivery, found)
        if not delivery.may_be_published or any(map(is_certain, found)):
            raise Refused(found)
        self._enter(one, SENDING)
        destination = self._destination()
        self._send(one, delivery, destination)
        try:
            manifest = destination.finish(delivery)
        except FilesMissing as missing:
            self._spool.change("forget_confirmations", number=one.number)
            raise MustWait("spool.upload-refused", str(missing)) from missing
        except NotTaken as refused:
            raise _not_taken(one, refused) from refused
        submitted = submission_id(delivery)
        with self._spool.transaction():
            self._enter(one, PUBLISHING)
            outbox = Outbox(self._spool)
            for each in submission_messages(delivery, manifest, self._station):
                is_last = each.event_id == submitted
                outbox.append(
                    *(each.topic, each.key, each.value),
                    once=None if is_last else each.event_id,
                    delivery=one.number if is_last else None,
                )

    def _read(self, one: QueuedDelivery) -> tuple[Delivery, list[Diagnostic]]:
        """The delivery, and everything that was found in it. Raises Refused."""
        before = self._deliveries.listing(one.number)
        try:
            changed = differences(before, listing_of(one.folder))
            if changed:
                raise Refused(changed)
            digests = KnownDigests(self._spool, one.number)
            try:
                delivery = read_folder(
                    *(one.folder, one.options, self._show(one)), self._profiles, digests
                )
            finally:
                digests.keep()
            found = [*delivery.diagnostics, *preflight(delivery, self._profiles)]
            # Again: a change while the folder was read counts, too.
            changed = differences(before, listing_of(one.folder))
        except OSError as failed:
            raise _unreadable(one, failed) from failed
        found += changed
        if changed:
            raise Refused(found)
        return delivery, found

    def _send(self, one: QueuedDelivery, delivery: Delivery, destination: Destination) -> None:
        if self._spool.noted("destination") != destination.name:
            with self._spool.transaction():
                self._spool.change("forget_confirmations", number=one.number)
                self._spool.note("destination", destination.name)
        destination.prepare(delivery)
        confirmations = Confirmations(self._spool, one.number)
        try:
            changed = send_files(delivery.files, destination, confirmations, self._show(one))
        except NotTaken as refused:
            raise _not_taken(one, refused) from refused
        if changed:
            raise Refused(changed)

    def _enter(self, one: QueuedDelivery, state: str) -> None:
        """Raises Stopped when the delivery was cancelled."""
        if not self._spool.change("change_state", number=one.number, state=state):
            raise Stopped

    def _describe(
        self, one: QueuedDelivery, delivery: Delivery | None, found: list[Diagnostic]
    ) -> None:
        self._spool.change(
            "describe",
            number=one.number,
            items=len(delivery.manifest["items"]) if delivery else one.items,
            pages=delivery.page_count if delivery else one.pages,
            event_id=submission_id(delivery) if delivery else None,
            diagnostics=json.dumps([each.model_dump() for each in found]),
        )

    def _show(self, one: QueuedDelivery) -> Callable[[str, int, int], None]:
        """Keeps the progress, at most once a second; raises Stopped."""
        shown_at = float("-inf")

        def show(what: str, done: int, total: int) -> None:
            nonlocal shown_at
            if time.monotonic() - shown_at < SHOW_SECONDS:
                return
            shown_at = time.monotonic()
            self._spool.change("progress", number=one.number, what=what, done=done, total=total)
            if not self._keep_going() or self._deliveries.get(one.number).state == CANCELLED:
                raise Stopped

        return show


def _unreadable(one: QueuedDelivery, failed: OSError) -> Refused:
    return Refused([finding("spool.folder-unreadable", str(one.folder), failed)])


def _not_taken(one: QueuedDelivery, refused: NotTaken) -> Refused:
    found = finding("spool.delivery-refused", one.batch_id, refused.found)
    return Refused([found.model_copy(update={"fix": refused.fix}) if refused.fix else found])
