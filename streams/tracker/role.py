"""The tracker role: runs the one active process manager."""

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from processors.outcome import StorageError
from processors.tools import Storage
from streams.kafka.messages import Incoming
from streams.kafka.stalled_partitions import watch_partitions
from streams.runtime.lifecycle import shutdown_signal
from streams.runtime.role_files import WaitReasons, announce_ready, role_file
from streams.settings import Settings
from streams.topology import TRACKER_INPUTS
from streams.tracker.database import end_tracker, wait_for_connection
from streams.tracker.incoming_facts import caused_by_input, place_of
from streams.tracker.outbox_relay import OutboxRelay
from streams.tracker.process_manager import ProcessManager
from streams.tracker.rebuild import rebuild
from streams.tracker.topic_reader import TopicReader
from streams.tracker.turn_guard import MOST_ENDS, TurnGuard
from streams.tracker.unit_of_work import Connection

log = logging.getLogger(__name__)

TICK_SECONDS = 1.0
STORE_PAUSE_SECONDS = 2.0
ENDS_THE_PROCESS = (
    f"The tracker ended {MOST_ENDS} times while it processed this message; its log has the reason."
)


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
    watch_partitions(settings.kafka, [reader.idle_offsets])
    announce_ready(settings, "tracker")
    log.info("tracker started", extra={"pid": os.getpid()})
    _track(settings, manager, reader, relay, stop)
    relay.stop()
    reader.close()


def _track(
    settings: Settings,
    manager: ProcessManager,
    reader: TopicReader,
    relay: OutboxRelay,
    stop: threading.Event,
) -> None:
    guard = TurnGuard(role_file(settings, "tracker", "turns"))
    reasons = WaitReasons(settings, "tracker")
    processed_at = 0.0
    while not stop.is_set():
        messages = reader.poll()
        if not messages and time.monotonic() - processed_at <= TICK_SECONDS:
            continue
        for turn in guard.turns(messages):
            taken = take_turn(manager, guard, reasons, turn)
            while not taken and not stop.wait(STORE_PAUSE_SECONDS):
                taken = take_turn(manager, guard, reasons, turn)
            if not taken:
                break
            relay.wake()
            reader.commit(turn)
        processed_at = time.monotonic()
    guard.forgive()


def take_turn(
    manager: ProcessManager, guard: TurnGuard, reasons: WaitReasons, turn: Sequence[Incoming]
) -> bool:
    """Process messages in one turn; False while the store does not respond.

    A message at which processes ended repeatedly is quarantined."""
    try:
        if guard.ends_processes(turn):
            log.error("message ends the process repeatedly", extra=place_of(turn[0]))
            manager.quarantine(turn[0], ENDS_THE_PROCESS)
        else:
            guard.begin(turn)
            manager.process(turn)
    except StorageError as away:
        guard.forgive()
        log.warning("waiting for the store", extra={"error": str(away)})
        reasons.set("store", f"waits for the store: {away}")
        return False
    except Exception as failure:
        if not caused_by_input(failure):
            guard.forgive()
        raise
    guard.end()
    reasons.set("store", "")
    return True
