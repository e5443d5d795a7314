"""Feeds a line under misfortunes: as a station does that hands over again what was not taken."""

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from confluent_kafka import KafkaError, Message, Producer

from processors.outcome import StorageError
from streams.clients.station import publishing, submission
from streams.clients.station.folder import SubmissionOptions
from streams.settings import NotUp, Settings
from tests.faults.chaos import material
from tests.faults.chaos.material import Batch
from tests.faults.chaos.spooling import SpoolStation
from tests.support.signing import signed

TRUNCATED_EVERY = 2
RUSH_EVERY = 4
SPOOLED_EVERY, FIRST_SPOOLED = 4, 1
VERSIONS_EVERY = 8
"""Two items of each such batch are delivered again."""
AGAIN_SECONDS = 1.0
Remember = Callable[[str, str, bytes], None]


class Workload(threading.Thread):
    """Makes batches and hands them over, one after another, until told to end."""

    def __init__(
        self,
        settings: Settings,
        folder: Path,
        seed: int,
        finished: Callable[[], int | None],
        remember: Remember,
        ahead: int,
        at_least: int = 0,
        *,
        spool: SpoolStation,
        packaged: Callable[[Sequence[str]], set[str]],
    ) -> None:
        """A station that has handed nothing over yet; some batches go through the spool of another.

        `packaged` gives those items that are in their packages, so that they may be delivered again.

        `ahead` pages are on their way at most. It delivers `at_least` pages, however slow the
        line is: what is missing when it is told to end follows without waiting for room."""
        super().__init__(name="workload", daemon=True)
        self._settings, self._folder, self._seed = settings, folder, seed
        self._finished, self._remember = finished, remember
        self._ahead, self._at_least = ahead, at_least
        self._spool, self._packaged = spool, packaged
        self._over = threading.Event()
        self._due: list[Batch] = []
        """Batches of which items are to be delivered again when they are in packages."""
        self.versions: list[str] = []
        """Batches with items that were delivered before."""
        self.delivered: list[Batch] = []
        """What the brokers have acknowledged, or the spool."""
        self.rushed: dict[str, float] = {}
        """When the brokers took each rush batch, by a monotonic clock."""
        self.repeated = 0
        """Submissions that had to be handed over again."""
        self.failure = ""

    def end(self) -> None:
        """Hand over what was begun, and no more."""
        self._over.set()
        self.join()

    def run(self) -> None:
        """Deliver until told to end; what goes wrong is kept for the test to tell."""
        try:
            number = 0
            while not self._over.is_set() or self.pages() < self._at_least:
                self._deliver_regular(number)
                if number % TRUNCATED_EVERY == 0:
                    self._deliver(material.make_truncated(self._folder, self._seed, number))
                if number % RUSH_EVERY == RUSH_EVERY - 1:
                    # Behind all that is on its way.
                    self._deliver(material.make_rush(self._folder, self._seed, number))
                number += 1
                self._wait_for_room()
        except Exception as surprise:
            self.failure = f"{type(surprise).__name__}: {surprise}"

    def _wait_for_room(self) -> None:
        done = 0
        while not self._over.wait(0.5):
            self.deliver_versions()
            done = self._finished() or done
            if self.pages() - done < self._ahead:
                return

    def pages(self) -> int:
        """How many the brokers have acknowledged."""
        return sum(batch.pages for batch in self.delivered)

    def _deliver_regular(self, number: int) -> None:
        if number % SPOOLED_EVERY == FIRST_SPOOLED:
            # What goes by HTTP is not damaged between the store and the submission.
            batch = material.make(self._folder, self._seed, number, flips=False)
            self._spool.take(batch)
            self.delivered.append(batch)
            return
        self._deliver(batch := material.make(self._folder, self._seed, number))
        if number % VERSIONS_EVERY == 0:
            self._due.append(batch)

    def deliver_versions(self) -> int:
        """Deliver items again that are in their packages; how many batches that are."""
        due = [one for one in self._due if len(self._packaged(material.again_items(one))) == 2]
        for batch in due:
            self._due.remove(batch)
            for relation in (material.REPLACES, material.SUPPLEMENTS):
                self._deliver(version := material.make_version(self._folder, batch, relation))
                self.versions.append(version.batch_id)
        return 2 * len(due)

    def _deliver(self, batch: Batch) -> None:
        while not self._tried(batch):
            self.repeated += 1
            time.sleep(AGAIN_SECONDS)
        self.delivered.append(batch)
        if batch.priority == "rush":
            self.rushed[batch.batch_id] = time.monotonic()

    def _tried(self, batch: Batch) -> bool:
        try:
            hand_over(self._settings, batch, self._remember)
        except (publishing.NotPublished, StorageError, NotUp, OSError):
            return False
        return True


def hand_over(settings: Settings, batch: Batch, remember: Remember) -> None:
    """Submit a batch; its files in staging are spoilt before anybody is told of them."""

    def spoilt_then_published(topic: str, key: str, value: bytes) -> None:
        material.spoil(settings.home, batch)
        _publish(settings, topic, key, value)
        remember(topic, key, value)

    wishes = SubmissionOptions(batch.batch_id, profile=batch.profile, priority=batch.priority)
    told = submission.submit(batch.folder, wishes, settings, publish=spoilt_then_published)
    if told.state == "refused":
        raise AssertionError(f"{batch.batch_id} was refused at the submission: {told.diagnostics}")


def _publish(settings: Settings, topic: str, key: str, value: bytes) -> None:
    """Returns when the brokers have acknowledged. Raises NotPublished."""
    brokers = settings.kafka_as("station")
    headers = signed(settings.home, topic, key.encode(), value)
    failures: list[str] = []

    def told(error: KafkaError | None, _: Message) -> None:
        if error is not None:
            failures.append(str(error))

    producer = Producer({**brokers.client, **publishing.KAFKA_SETTINGS})
    producer.produce(topic, value, key.encode(), on_delivery=told, headers=headers)
    if producer.flush(publishing.PUBLISH_SECONDS + 5) or failures:
        raise publishing.NotPublished("; ".join(failures) or "no answer")


def fault_free(settings: Settings, batches: list[Batch]) -> None:
    """Hand the same batches over to another line, to which nothing happens."""
    for batch in batches:
        hand_over(settings, batch, lambda topic, key, value: None)
