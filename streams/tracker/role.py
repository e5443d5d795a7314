"""The tracker role: runs the one active process manager."""

import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from processors.tools import Storage
from streams.kafka.stalled_partitions import watch_partitions
from streams.runtime.lifecycle import shutdown_signal
from streams.runtime.role_files import announce_ready
from streams.settings import Settings
from streams.topology import TRACKER_INPUTS
from streams.tracker.database import end_tracker, wait_for_connection
from streams.tracker.outbox_relay import OutboxRelay
from streams.tracker.process_manager import ProcessManager
from streams.tracker.rebuild import rebuild
from streams.tracker.topic_reader import TopicReader
from streams.tracker.unit_of_work import Connection

log = logging.getLogger(__name__)

TICK_SECONDS = 1.0


@dataclass(frozen=True)
class TrackerAdapters:
    """What the tracker uses of the outside world."""

    storage: Storage
    has_space: Callable[[], bool]
    """Whether the store has space for more pages."""
    connect: Callable[[], Connection]
    reader: TopicReader
    relay: OutboxRelay
    worker: str
    """The pseudonym of this machine and role in facts."""


def run_tracker(settings: Settings, adapters: TrackerAdapters) -> None:
    """Track until SIGTERM. An unexpected error ends the process; nothing is lost."""
    stop = shutdown_signal(settings, "tracker")
    try:
        conn = wait_for_connection(adapters.connect, stop)
        if conn is not None:
            with conn:
                _run(settings, adapters, conn, stop)
    except Exception as failure:
        end_tracker(failure, "the next tracker continues after the last committed transaction")


def _run(
    settings: Settings, adapters: TrackerAdapters, conn: Connection, stop: threading.Event
) -> None:
    reader, relay = adapters.reader, adapters.relay
    manager = ProcessManager(
        *(conn, adapters.storage, settings.version, settings.pool_size, settings.retry_scale),
        has_space=adapters.has_space,
        night=settings.night,
        worker=adapters.worker,
    )
    if not manager.start(stop):
        return
    if manager.rebuilding:
        # A new database, or one that was lost, and the outbox with it.
        rebuild(manager, reader, outbox_lost=True)
    reader.assign(manager.next_offsets(reader.partitions(TRACKER_INPUTS)))
    relay.start()
    watch_partitions(settings.kafka_as("tracker"), [reader.idle_offsets])
    announce_ready(settings, "tracker")
    log.info("tracker started", extra={"pid": os.getpid()})
    _track(manager, reader, relay, stop)
    relay.stop()
    reader.close()


def _track(
    manager: ProcessManager, reader: TopicReader, relay: OutboxRelay, stop: threading.Event
) -> None:
    processed_at = 0.0
    while not stop.is_set():
        messages = reader.poll()
        if messages or time.monotonic() - processed_at > TICK_SECONDS:
            manager.process(messages)
            relay.wake()
            reader.commit(messages)
            processed_at = time.monotonic()
