"""A line's tables and a store with one packaged item, and fixity runs on them."""

import io
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import obstore
from psycopg.rows import dict_row

from processors.tools import Area
from schemas.catalogue import AUDIT_INTAKE
from schemas.codec import decode
from schemas.models import Fact, FileRef, Producer
from streams.fixity.reading import Throttle
from streams.fixity.restore import Request, Restored, restore
from streams.fixity.run import FixityParts, Scope, run_fixity
from streams.kafka.messages import Incoming, Outgoing
from streams.kafka.producer import MemoryPublisher
from streams.settings import Settings
from streams.storage.factory import open_storage
from streams.storage.memory import MemoryStorage
from streams.storage.s3 import connect
from tests.support.line_facts import Delivery
from tests.support.tracker_harness import Connect, TrackerHarness

ALL = Scope("all")
MADE_BY = Producer(name="copystand/fixity", version="1", worker="worker-00000000")


@dataclass
class Item:
    """One item of one page with its objects."""

    batch: Delivery
    item_id: str
    master: FileRef
    access: FileRef
    package: FileRef

    @property
    def refs(self) -> list[FileRef]:
        return [self.master, self.access, self.package]


@dataclass
class Shelf:
    """A store, the tracker's tables, and what was published."""

    settings: Settings
    tracker: TrackerHarness
    connect: Connect
    publisher: MemoryPublisher = field(default_factory=MemoryPublisher)
    items: list[Item] = field(default_factory=list)
    read: list[Incoming] = field(default_factory=list)
    """All messages that the tracker read."""
    _delivered: int = 0

    @property
    def store(self) -> Any:
        return open_storage(self.settings)

    def parts(self, **changes: Any) -> FixityParts:
        """What a new process would use."""
        connection = self.connect()
        connection.row_factory = dict_row
        built: dict[str, Any] = {
            "connection": connection,
            "store": self.store,
            "publisher": self.publisher,
            "made_by": MADE_BY,
            "throttle": Throttle(),
        }
        return FixityParts(**(built | changes))

    def add_item(self, name: str) -> Item:
        """Store the objects of an item, and let the tracker read its facts."""
        batch = Delivery(self.store, f"b-{name}", {name: 1})
        (page_id,) = batch.pages(name)
        master = self.keep(f"pixels of {name} ".encode() * 5000, Area.MASTERS, "master")
        access = self.keep(f"access of {name}".encode(), Area.DERIVATIVES, "access")
        package = self.keep(a_tar(f"{name}.v1", [self.store.read(master), self.store.read(access)]))
        page_list = batch.registered(name).files[0]
        profile = self.keep(f"profile of {name}".encode(), Area.RECORDS, "profile")
        self.process(
            with_files(batch.received()),
            batch.accepted(),
            with_files(batch.registered(name), page_list, profile),
            with_files(batch.acquired(page_id), master),
            with_files(batch.recognized(page_id), access),
            batch.published(name).model_copy(
                update={name: getattr(package, name) for name in ("key", "sha256", "size_bytes")}
            ),
        )
        self.items.append(Item(batch, name, master, access, package))
        return self.items[-1]

    def keep(self, content: bytes, area: Area = Area.PACKAGES, use: str = "package") -> FileRef:
        return cast(FileRef, self.store.keep(content, area=area, use=use, media_type="image/tiff"))

    def put(self, key: str, content: bytes | None) -> None:
        """Change an object behind the store's back; None deletes it."""
        if self.settings.s3 is not None:
            bucket = connect(self.settings.s3)
            obstore.delete(bucket, key) if content is None else obstore.put(bucket, key, content)
            return
        path = self.settings.home / key
        path.unlink()
        if content is not None:
            path.write_bytes(content)

    def flip(self, key: str) -> None:
        content = bytearray(self.store.get(key))
        content[len(content) // 2] ^= 1
        self.put(key, bytes(content))

    def run(self, scope: Scope = ALL, **changes: Any) -> list[Fact]:
        """A run in a process of its own; the facts that it published, which the tracker read."""
        parts = self.parts(**changes)
        try:
            run_fixity(parts, scope)
        finally:
            parts.connection.close()
        return self.deliver()

    def restore(self, sha256: str, file: Path | None = None) -> list[Restored]:
        parts = self.parts()
        try:
            request = Request(sha256, "p-4", "the disk was replaced", file)
            return restore(parts, request, self.settings.home / "cache" / "fixity")
        finally:
            parts.connection.close()

    def process(self, *facts: Fact) -> None:
        """Let the tracker read these facts."""
        messages = self.tracker.log(*facts)
        self.read += messages
        self.tracker.manager.process(messages)

    def deliver(self) -> list[Fact]:
        """Let the tracker read the facts that were published since the last call."""
        new = self.publisher.messages[self._delivered :]
        self._delivered = len(self.publisher.messages)
        facts = [message for message in new if message.topic != AUDIT_INTAKE.name]
        decoded = [decode(one.value, Fact) for one in facts]
        self.process(*decoded)
        return decoded

    def records(self) -> dict[str, str]:
        return self.tracker.states("quarantine", "quarantine_id")


def a_shelf(connect_tracker: Connect, settings: Settings) -> Shelf:
    """An empty one."""
    storage = cast(MemoryStorage, open_storage(settings))
    return Shelf(settings, TrackerHarness(connect_tracker, storage), connect_tracker)


def with_files(fact: Any, *files: FileRef) -> Fact:
    return cast(Fact, fact.model_copy(update={"files": files}))


def a_tar(top: str, contents: list[bytes]) -> bytes:
    """An uncompressed tar with these files below data/."""
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        for number, content in enumerate(contents):
            entry = tarfile.TarInfo(f"{top}/data/{number}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return held.getvalue()


class DyingPublisher(MemoryPublisher):
    """Publishes a number of times, and then its process dies before or after the broker has it."""

    def __init__(self, kept: MemoryPublisher, times: int, *, after: bool) -> None:
        super().__init__()
        self._kept, self._times, self._after = kept, times, after

    def publish(self, messages: Any) -> None:
        if self._times > 0 or self._after:
            self._kept.publish(messages)
        if self._times <= 0:
            raise Died
        self._times -= 1


class Died(BaseException):
    """The process ends here."""


def events_by_id(messages: list[Outgoing]) -> dict[str, set[bytes]]:
    """The bytes with which each event was published."""
    found: dict[str, set[bytes]] = {}
    for message in messages:
        if message.topic == AUDIT_INTAKE.name:
            found.setdefault(message.key or "", set()).add(message.value)
    return found


def counting(store: Any, seen: list[str]) -> Any:
    """The store, which notes each object that is streamed."""

    class Counting:
        def __getattr__(self, name: str) -> Callable[..., Any]:
            return cast(Callable[..., Any], getattr(store, name))

        def stream(self, key: str) -> Any:
            seen.append(key)
            return store.stream(key)

    return Counting()
