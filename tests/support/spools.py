"""A station's spool in a test: with a store and a broker in memory that can be away."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from processors.page_list import canonical_json
from processors.tools import Area
from schemas.codec import decode
from schemas.models import BatchSubmitted, FileRef
from streams.clients.spool.deliveries import Deliveries, QueuedDelivery
from streams.clients.spool.delivering import DeliveryWork
from streams.clients.spool.destination import Destination, KeepGoing
from streams.clients.spool.outbox import OutboxRecord
from streams.clients.spool.publishing import NotAllSent
from streams.clients.spool.running import SpoolRun
from streams.clients.spool.spool_database import Spool, open_spool
from streams.clients.spool.waiting import MustWait
from streams.clients.station.folder import Delivery, ManifestFile, SubmissionOptions
from streams.storage.memory import MemoryStorage
from tests.support.deliveries import MODS, a_folder, a_png

AWAY = MustWait("spool.line-not-reachable", "nobody answers")


@dataclass
class MemoryDestination:
    """A store in memory, which is away for some calls."""

    storage: MemoryStorage
    name: str = "memory"
    away: int = 0
    """Number of calls that it does not answer."""
    sent: list[str] = field(default_factory=list)
    before: Callable[[ManifestFile], None] = lambda _: None
    """Called before a file is stored."""

    def prepare(self, delivery: Delivery) -> None:
        """Nothing to prepare."""

    def send(self, file: ManifestFile, keep_going: KeepGoing) -> str | None:
        """Keep a file, as the store of the line does."""
        self.before(file)
        self._answer()
        content = file.content if isinstance(file.content, bytes) else file.content.path
        kept = self.storage.keep(
            content, area=Area.STAGING, use=file.use, media_type=file.media_type
        )
        if kept.sha256 != file.sha256:
            return f"its SHA-256 was {file.sha256}, then {kept.sha256}"
        self.sent.append(file.name)
        keep_going(file.size_bytes)
        return None

    def finish(self, delivery: Delivery) -> FileRef:
        """Keep the manifest."""
        self._answer()
        content = canonical_json(delivery.manifest)
        return self.storage.keep(
            content, area=Area.STAGING, use="manifest", media_type="application/json"
        )

    def _answer(self) -> None:
        if self.away > 0:
            self.away -= 1
            raise AWAY


@dataclass
class MemorySender:
    """A broker in memory, which acknowledges only a part for some calls."""

    records: list[OutboxRecord] = field(default_factory=list)
    away: int = 0

    def send(self, records: list[OutboxRecord]) -> None:
        """Keep the records, or only the first one while the broker goes away."""
        if self.away > 0:
            self.away -= 1
            self.records += records[:1]
            raise NotAllSent(min(1, len(records) - 1), AWAY)
        self.records += records

    def submissions(self) -> list[BatchSubmitted]:
        """The submissions in the order in which they came, each once."""
        decoded = [decode(one.value, BatchSubmitted) for one in self.records]
        return list({fact.head.event_id: fact for fact in decoded}.values())


@dataclass
class Station:
    """A station with a spool."""

    folder: Path
    destination: MemoryDestination
    sender: MemorySender = field(default_factory=MemorySender)
    stopping: threading.Event = field(default_factory=threading.Event)
    real_destination: Destination | None = None
    """In place of the one in memory."""

    @property
    def spool_folder(self) -> Path:
        """Where the spool is."""
        return self.folder / "spool"

    def queue(self, batch_id: str, pages: int = 2) -> QueuedDelivery:
        """A folder with this many pages, queued."""
        files: dict[str, bytes | str] = {f"{n}.png": a_png(n) for n in range(pages)}
        folder = a_folder(self.folder / batch_id, {**files, "mods.xml": MODS})
        return self.queue_folder(folder, batch_id)

    def queue_folder(self, folder: Path, batch_id: str) -> QueuedDelivery:
        """A folder, queued."""
        with open_spool(self.spool_folder) as spool:
            return Deliveries(spool).queue(folder, SubmissionOptions(batch_id))

    def deliveries(self) -> list[QueuedDelivery]:
        """Everything in the spool."""
        with open_spool(self.spool_folder) as spool:
            return Deliveries(spool).all()

    def states(self) -> list[str]:
        """The state of each delivery."""
        return [one.state for one in self.deliveries()]

    def run(self) -> bool:
        """Work until nothing is left."""

        def work(spool: Spool, keep_going: Callable[[], bool]) -> DeliveryWork:
            profiles = self.folder / "profiles"
            chosen = self.real_destination or self.destination
            return DeliveryWork(spool, lambda: chosen, profiles, "s-1", keep_going)

        return SpoolRun(self.spool_folder, self.sender, self.stopping).run(work)


def a_station(folder: Path) -> Station:
    """A station with an empty spool."""
    return Station(folder, MemoryDestination(MemoryStorage(folder / "objects")))
