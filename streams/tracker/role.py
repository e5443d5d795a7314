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
from streams.kafka.topic_reader import TopicReader
from streams.runtime.lifecycle import shutdown_signal
from streams.runtime.role_files import WaitReasons, announce_ready, role_file
from streams.runtime.run_loop import ShutdownRequested
from streams.settings import Settings
from streams.topology import TRACKER_INPUTS
from streams.tracker.database import end_tracker, wait_for_connection
from streams.tracker.incoming_facts import caused_by_input, place_of
from streams.tracker.lost_messages import repair
from streams.tracker.outbox_relay import OutboxRelay
from streams.tracker.process_manager import ProcessManager
from streams.tracker.rebuild import rebuild
from streams.tracker.turn_guard import MOST_ENDS, TurnGuard
from streams.tracker.unit_of_work import Connection
from streams.uploads.upload_records import UploadRecords

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
    uploads: UploadRecords
    """The proof that corrected files were stored by the sender of the request."""
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
    except ShutdownRequested:
        log.info("stopped while waiting")
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
        uploads=adapters.uploads,
    )
    if not manager.start(stop):
        return
    reasons = WaitReasons(settings, "tracker")
    turns = Turns(manager, TurnGuard(role_file(settings, "tracker", "turns")), reasons, stop)
    if manager.rebuilding:
        # A new database, or one that was lost, and the outbox with it.
        rebuild(manager, reader, outbox_lost=True, process=turns.process)
    repair(manager, reader)
    reader.assign(manager.next_offsets(reader.partitions(TRACKER_INPUTS)))
    relay.start()
    watch_partitions(settings.kafka_as("tracker"), [reader.idle_offsets])
    announce_ready(settings, "tracker")
    log.info("tracker started", extra={"pid": os.getpid()})
    _track(turns, reader, relay, stop)
    turns.close()
    relay.stop()
    reader.close()


class Turns:
    """Processes messages in turns: counts those that end the process, and waits for the store."""

    def __init__(
        self, manager: ProcessManager, guard: TurnGuard, reasons: WaitReasons, stop: threading.Event
    ) -> None:
        self._manager, self._guard, self._reasons, self._stop = manager, guard, reasons, stop

    def process(self, messages: Sequence[Incoming], *, decide: bool = True) -> None:
        """Process the messages. Raises ShutdownRequested if asked to stop before."""
        for turn in self._guard.turns(messages):
            while not self.take(turn, decide=decide):
                if self._stop.wait(STORE_PAUSE_SECONDS):
                    raise ShutdownRequested

    def take(self, turn: Sequence[Incoming], *, decide: bool = True) -> bool:
        """Process messages in one turn; False while the store does not respond.

        A message at which processes ended repeatedly is quarantined."""
        guard, manager = self._guard, self._manager
        try:
            if guard.ends_processes(turn):
                log.error("message ends the process repeatedly", extra=place_of(turn[0]))
                manager.quarantine(turn[0], ENDS_THE_PROCESS, decide=decide)
            else:
                guard.begin(turn)
                manager.process(turn, decide=decide)
        except StorageError as away:
            guard.forgive(turn)
            log.warning("waiting for the store", extra={"error": str(away)})
            self._reasons.set("store", f"waits for the store: {away}")
            return False
        except Exception as failure:
            if not caused_by_input(failure):
                guard.forgive(turn)
            raise
        guard.end(turn)
        self._reasons.set("store", "")
        return True

    def close(self) -> None:
        """No turn is under way: an end of the process from now on does not count."""
        self._guard.forgive()


def _track(turns: Turns, reader: TopicReader, relay: OutboxRelay, stop: threading.Event) -> None:
    processed_at = 0.0
    while not stop.is_set():
        messages = reader.poll()
        if messages or time.monotonic() - processed_at > TICK_SECONDS:
            turns.process(messages)
            relay.wake()
            reader.commit(messages)
            processed_at = time.monotonic()
