"""The tracker role: one process manager for the whole line."""

import logging
import os
import shutil
import threading
import time

from processors.tools import Storage
from streams.kafka.stalled_partitions import watch_partitions
from streams.runtime.lifecycle import shutdown_signal
from streams.runtime.role_files import announce_ready
from streams.runtime.worker_name import worker_name
from streams.settings import Settings
from streams.storage.disk_reserve import DiskReserve
from streams.storage.factory import open_storage
from streams.topology import TRACKER_INPUTS
from streams.tracker.database import connected, end_tracker
from streams.tracker.outbox_relay import OutboxRelay
from streams.tracker.process_manager import ProcessManager
from streams.tracker.rebuild import rebuild
from streams.tracker.topic_reader import TopicReader

log = logging.getLogger(__name__)

TICK_SECONDS = 1.0


def run_tracker(
    settings: Settings, storage: Storage | None = None, *, forget: bool = False
) -> None:
    """Track until told to stop. Whatever was not foreseen ends the process; nothing is lost by it.

    With `forget` the tables are rebuilt from the topics first, as they are on the first start."""
    stop = shutdown_signal(settings, "tracker")
    try:
        _run(settings, storage or open_storage(settings), stop, forget)
    except Exception as failure:
        end_tracker(failure, "the next tracker starts where the last turn ended")


def _run(settings: Settings, storage: Storage, stop: threading.Event, forget: bool) -> None:
    dsn = settings.dsn("tracker")
    conn = connected(dsn, stop)
    if conn is None:
        return
    with conn:
        room = DiskReserve(lambda: shutil.disk_usage(settings.home).free, settings.reserve_bytes)
        line = ProcessManager(
            *(conn, storage, settings.version, settings.pool_size, settings.retry_scale),
            has_room=lambda: room.has(0),
            night=settings.night,
            worker=worker_name(settings, "tracker"),
        )
        if not line.open(stop):
            return
        relay, reader = OutboxRelay(dsn, settings.kafka), TopicReader(settings.kafka)
        if line.rebuilding:
            rebuild(line, reader, outbox_lost=True)
        elif forget:
            relay.drain(conn)
            rebuild(line, reader)
        reader.go_on(line.offsets(reader.partitions(TRACKER_INPUTS)))
        relay.start()
        watch_partitions(settings.kafka, [reader.idle_offsets])
        announce_ready(settings, "tracker")
        log.info("tracking", extra={"pid": os.getpid()})
        _track(line, reader, relay, stop)
        relay.stop()
        reader.close()


def _track(
    line: ProcessManager, reader: TopicReader, relay: OutboxRelay, stop: threading.Event
) -> None:
    ticked = 0.0
    while not stop.is_set():
        messages = reader.poll()
        if messages or time.monotonic() - ticked > TICK_SECONDS:
            line.take(messages)
            relay.wake()
            reader.show(messages)
            ticked = time.monotonic()
