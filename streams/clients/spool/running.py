"""The process that works on a spool: one delivery after the other, in the order asked."""

import logging
import os
import sqlite3
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

from processors.error_catalogue import fix_of
from schemas.models import Diagnostic
from streams.clients.spool.background import only_one
from streams.clients.spool.deliveries import REFUSED, Deliveries, QueuedDelivery
from streams.clients.spool.delivering import DeliveryWork
from streams.clients.spool.destination import Destination, Stopped
from streams.clients.spool.outbox import Outbox
from streams.clients.spool.publishing import KafkaSender, OutboxPublisher, Sender
from streams.clients.spool.spool_database import Spool, now, open_spool, spool_folder
from streams.clients.spool.station_credential import as_station, upload_token
from streams.clients.spool.tus_client import TusClient
from streams.clients.spool.uploads import BegunUploads, Uploads
from streams.clients.spool.waiting import Attempts, MustWait
from streams.settings import NotUp, Settings
from streams.traffic.link_buckets import TrafficClass
from streams.traffic.shared_state import Direction
from streams.traffic.traffic import Traffic

log = logging.getLogger(__name__)

LOOK_SECONDS, DISK_SECONDS = 0.3, 5.0


class SpoolRun:
    """Works on the deliveries of a spool while a thread publishes its outbox."""

    def __init__(self, folder: Path, sender: Sender, stopping: threading.Event) -> None:
        self._folder, self._sender, self._stopping = folder, sender, stopping

    def run(
        self, work: Callable[[Spool, Callable[[], bool]], DeliveryWork], *, follow: bool = False
    ) -> bool:
        """Work until nothing is left, or for ever with `follow`; False if another process does.

        `work` makes what works on one delivery; it gets whether to go on."""
        while True:
            with only_one(self._folder) as alone:
                if not alone:
                    return False
                self._run(work, follow)
            # What was queued while this process gave up the lock has no other one to work on it.
            if self._stopping.is_set() or not self._has_work():
                return True

    def _has_work(self) -> bool:
        with open_spool(self._folder) as spool:
            return Deliveries(spool).next() is not None or Outbox(spool).count() > 0

    def _run(self, work: Callable[[Spool, Callable[[], bool]], DeliveryWork], follow: bool) -> None:
        with open_spool(self._folder) as spool:
            spool.note("pid", str(os.getpid()))
            publisher = OutboxPublisher(self._folder, self._sender)
            publisher.start()
            try:
                one_by_one = work(spool, lambda: not self._stopping.is_set())
                self._work(spool, one_by_one, publisher, follow)
            finally:
                publisher.stopping.set()
                publisher.join()
                spool.note("pid", None)

    def _work(
        self, spool: Spool, work: DeliveryWork, publisher: OutboxPublisher, follow: bool
    ) -> None:
        deliveries, attempts = Deliveries(spool), Attempts()
        while not self._stopping.is_set():
            if publisher.failure is not None:
                raise publisher.failure
            one = deliveries.next()
            if one is None:
                if not follow and Outbox(spool).count() == 0:
                    return
                self._stopping.wait(LOOK_SECONDS)
                continue
            try:
                work.work(one)
                attempts.succeeded()
            except Stopped:
                continue
            except MustWait as why:
                self._wait(spool, one, attempts, why)
            except sqlite3.OperationalError as failed:
                # The disk of the spool is full or away: what is in it stays.
                log.warning("spool waits for its disk", extra={"found": str(failed)})
                self._stopping.wait(DISK_SECONDS)
            except Exception as failed:
                # One delivery must not stop the others; a person looks at it.
                log.exception("delivery failed", extra={"delivery": one.id})
                _refuse(spool, one, failed)

    def _wait(self, spool: Spool, one: QueuedDelivery, attempts: Attempts, why: MustWait) -> None:
        """Wait for the next attempt; less if a person asks for it or cancels the delivery."""
        shown, seconds = attempts.failed(why)
        spool.change("wait_for", number=one.number, waits_for=shown.text())
        log.warning(
            "delivery waits", extra={"delivery": one.id, "code": why.code, "found": why.found}
        )
        deliveries, left = Deliveries(spool), seconds
        while left > 0 and not self._stopping.wait(min(left, LOOK_SECONDS)):
            left -= LOOK_SECONDS
            current = deliveries.get(one.number)
            if current.waits_for is None:
                attempts.succeeded()
                return


def _refuse(spool: Spool, one: QueuedDelivery, failed: Exception) -> None:
    code, found = "spool.delivery-failed", f"{type(failed).__name__}: {failed}"
    shown = Diagnostic(
        code=code, severity="error", where=one.batch_id, found=found[:500], fix=fix_of(code)
    )
    with spool.transaction():
        spool.change(
            *("describe",),
            number=one.number,
            items=one.items,
            pages=one.pages,
            event_id=one.event_id,
            diagnostics=f"[{shown.model_dump_json()}]",
        )
        spool.change("end", number=one.number, state=REFUSED, at=now())


def run_spool(settings: Settings, stopping: threading.Event, *, follow: bool = False) -> bool:
    """Work on the spool of these settings; False if another process does."""
    folder, station = spool_folder(settings), as_station(settings)
    with open_spool(folder, for_all_threads=True) as of_uploads:
        begun = BegunUploads(of_uploads)

        def work(spool: Spool, keep_going: Callable[[], bool]) -> DeliveryWork:
            return DeliveryWork(
                *(spool, lambda: destination_of(station, begun), settings.station_profiles),
                station.worker_id,
                keep_going,
            )

        return SpoolRun(folder, KafkaSender(station), stopping).run(work, follow=follow)


def destination_of(settings: Settings, begun: BegunUploads) -> Destination:
    """Where a station with these settings sends files. Raises MustWait."""
    try:
        if settings.upload_url:
            token, ca = upload_token(settings), settings.kafka_ca
            traffic = Traffic(settings.traffic_folder)
            pace = partial(traffic.wait, TrafficClass.MASTERS, Direction.OUT)
            return Uploads(TusClient(settings.upload_url, token, ca, pace=pace), begun)
        # Imported here: a station that uploads does not load the store.
        from streams.clients.spool.line_store import LineStore

        return LineStore(settings)
    except NotUp as missing:
        raise MustWait("spool.not-set-up", str(missing)) from missing
