"""Publishes the records of an outbox in order, each signed, until the broker has them."""

import logging
import sqlite3
import threading
from pathlib import Path
from typing import Protocol

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from streams.clients.signing import signature_headers
from streams.clients.spool.outbox import Outbox, OutboxRecord
from streams.clients.spool.spool_database import Spool, open_spool
from streams.clients.spool.waiting import Attempts, MustWait
from streams.kafka.client import STATION
from streams.settings import NotUp, Settings

log = logging.getLogger(__name__)

SILENT_SECONDS = 10.0
"""Without an answer of the broker for this long, the spool says that it waits."""
IDLE_SECONDS, DISK_SECONDS = 0.2, 5.0
KAFKA_SETTINGS = {
    "acks": "all",
    "enable.idempotence": True,
    "partitioner": "murmur2_random",
    # Longer than a send: what is not acknowledged is sent again from the spool.
    "message.timeout.ms": 60_000,
    "reconnect.backoff.max.ms": 3_000,
    "log_level": 2,
}


class Sender(Protocol):
    """Publishes records."""

    def send(self, records: list[OutboxRecord]) -> None:
        """Publish records in order; returns when the broker has all. Raises NotAllSent."""
        ...


class NotAllSent(Exception):
    """The broker acknowledged only the first records."""

    def __init__(self, acknowledged: int, why: MustWait) -> None:
        super().__init__(str(why))
        self.acknowledged, self.why = acknowledged, why


class KafkaSender:
    """A producer that is made again after each failure, with the credential as it is then."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._producer: Producer | None = None
        self._last_error = ""

    def send(self, records: list[OutboxRecord]) -> None:
        """Publish records in order."""
        failures: list[str | None] = ["no answer"] * len(records)
        try:
            key = self._settings.signing_key(STATION)
            producer = self._producer = self._producer or self._connect()
            for at, record in enumerate(records):

                def delivered(error: KafkaError | None, _: Message, at: int = at) -> None:
                    failures[at] = str(error) if error else None

                headers = signature_headers(key, record.topic, record.key, record.value)
                producer.produce(
                    *(record.topic, record.value, record.key),
                    headers=headers,
                    on_delivery=delivered,
                )
            producer.flush(SILENT_SECONDS)
        except NotUp as missing:
            raise NotAllSent(0, MustWait("spool.not-set-up", str(missing))) from missing
        except (KafkaException, BufferError) as failed:
            failures[-1] = str(failed)
        if any(failures):
            # A new producer forgets what it has in memory, so that nothing overtakes the first one.
            self._producer = None
            first = next(at for at, failure in enumerate(failures) if failure)
            raise NotAllSent(first, self._why(str(failures[first])))

    def _why(self, failure: str) -> MustWait:
        brokers = self._settings.kafka_as(STATION)
        found = f"{brokers} did not acknowledge a record: {self._last_error or failure}"
        return MustWait("spool.line-not-reachable", found)

    def _connect(self) -> Producer:
        self._last_error = ""

        def failed(error: KafkaError) -> None:
            self._last_error = error.str()

        client = self._settings.kafka_as(STATION).client
        return Producer({**client, **KAFKA_SETTINGS, "error_cb": failed})


class OutboxPublisher(threading.Thread):
    """Publishes what is in the outbox until it is told to stop."""

    def __init__(self, folder: Path, sender: Sender) -> None:
        super().__init__(name="outbox", daemon=True)
        self._folder, self._sender = folder, sender
        self.stopping = threading.Event()
        self.failure: BaseException | None = None
        """What ended the thread before it was told to stop."""

    def run(self) -> None:
        """Publish and wait, in turns."""
        try:
            with open_spool(self._folder) as spool:
                while not self.stopping.is_set():
                    try:
                        self._publish(spool, Outbox(spool))
                    except sqlite3.OperationalError as failed:
                        # Records that were sent meanwhile are sent again, with the same bytes.
                        log.warning("outbox waits for its disk", extra={"found": str(failed)})
                        self.stopping.wait(DISK_SECONDS)
        except BaseException as failed:
            self.failure = failed
            raise

    def _publish(self, spool: Spool, outbox: Outbox) -> None:
        attempts = Attempts()
        spool.note("waits_for", None)
        while not self.stopping.is_set():
            records = outbox.unsent()
            if not records:
                self.stopping.wait(IDLE_SECONDS)
                continue
            try:
                self._sender.send(records)
            except NotAllSent as failed:
                outbox.acknowledged(records[: failed.acknowledged])
                shown, seconds = attempts.failed(failed.why)
                spool.note("waits_for", shown.text())
                log.warning("outbox waits", extra={"code": shown.code, "found": shown.found})
                self.stopping.wait(seconds)
            else:
                outbox.acknowledged(records)
                attempts.succeeded()
                spool.note("waits_for", None)
