"""Follows package.published for a repository: verifies, hands over and answers each package."""

import logging
import re
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from processors.outcome import StorageError
from processors.tools import Storage
from schemas.catalogue import topic_of
from schemas.codec import TooLarge, Undecodable, decode
from schemas.models import PackagePublished
from schemas.times import written
from streams.clients.repository import fetching
from streams.clients.repository.answers import (
    Answer,
    NotSent,
    Sender,
    Spool,
    make_answer,
    open_sender,
    spool_path,
)
from streams.clients.repository.packages import completeness_of
from streams.clients.repository.subscription import Expired, Retries, Subscription
from streams.clients.repository.unpacking import PackageRefused
from streams.settings import Settings
from streams.storage.disk_reserve import NoSpace, require_space_outside
from streams.storage.factory import open_storage
from streams.text_references import VERIFIED
from streams.traffic.link_buckets import TrafficClass

log = logging.getLogger(__name__)

TOPIC = topic_of("PackagePublished").name
GROUP = re.compile(r"(?!copystand\.)[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")


class Refuse(Exception):
    """Raised by a handler to refuse a package; the text is the reason of the answer."""


class FolderConflict(OSError):
    """Another folder exists where the package would be unpacked."""


@dataclass(frozen=True)
class Package:
    """A published package; a handler gets it after complete verification."""

    package_id: str
    batch_id: str | None
    item_id: str
    revision: int
    key: str
    sha256: str
    size_bytes: int
    content_digest: str
    published_at: str
    completeness: str = "complete"
    """complete or incomplete: the package lacks pages that were withdrawn or not delivered."""
    missing_pages: int = 0
    path: Path | None = None
    """Its unpacked bag, durable on disk; None without unpacking."""


@dataclass(frozen=True)
class PackageOutcome:
    """The outcome of one package."""

    package: Package
    accepted: bool | None
    """None: handed over, and another program answers."""
    reason: str


Handler = Callable[[Package], None]


def _log_wait(why: str) -> None:
    log.warning("follower waits or skips", extra={"why": why})


def follow(
    settings: Settings,
    group: str,
    handler: Handler,
    *,
    into: Path | None = None,
    repository: str | None = None,
    since_now: bool = False,
    answering: bool = True,
    limit: int | None = None,
    timeout_seconds: float | None = None,
    stop: threading.Event | None = None,
    on_outcome: Callable[[PackageOutcome], None] = lambda _: None,
    on_wait: Callable[[str], None] = _log_wait,
) -> list[PackageOutcome]:
    """Hand over each published package after verification; returns the outcomes when it ends.

    The handler accepts a package by returning and refuses it by raising Refuse. Any other
    exception ends the follower: nothing is answered, and the next run gets the package again.
    It also ends after `limit` packages, after `timeout_seconds`, or when `stop` is set.
    Raises NotUp, SpoolBusy, NotSent, KafkaException (the broker rejects this client), OSError."""
    if not GROUP.match(group):
        raise ValueError(f"{group!r} is not a valid group name")
    deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
    retries = Retries(stop or threading.Event(), deadline, on_wait)
    outcomes: list[PackageOutcome] = []

    def note(outcome: PackageOutcome) -> None:
        outcomes.append(outcome)
        on_outcome(outcome)

    with (
        closing(Spool(spool_path(settings, group))) as spool,
        closing(Subscription(settings, group, TOPIC, retries)) as subscription,
    ):
        storage = open_storage(settings, traffic_class=TrafficClass.PACKAGES)
        receiver = _Receiver(
            repository or group, handler, into, answering, storage, spool,
            open_sender(settings), retries, note,
            lambda package: _require_space(settings, into, package),
        )  # fmt: skip
        try:
            subscription.start(since_now)
            for message in subscription.messages():
                value = message.value()
                receiver.process(value if isinstance(value, bytes) else b"")
                # Committed last: the answer is on the broker, or none is given here.
                subscription.commit(message)
                storage.release()
                if limit is not None and len(outcomes) >= limit:
                    break
        except Expired:
            pass  # asked for by the timeout or `stop`; what was not answered comes again
    return outcomes


@dataclass(frozen=True)
class _Receiver:
    """Processes published packages one by one."""

    repository: str
    handler: Handler
    into: Path | None
    answering: bool
    storage: Storage
    spool: Spool
    sender: Sender
    retries: Retries
    note: Callable[[PackageOutcome], None]
    require_space: Callable[[Package], None] = lambda _: None
    """Raises NoSpace when the package cannot be unpacked."""

    def process(self, value: bytes) -> None:
        """Verify, hand over and answer a package that was not answered before."""
        try:
            fact = decode(value, PackagePublished)
        except Undecodable as failed:
            self.retries.on_wait(f"skipping a message of {TOPIC}: {failed}")
            return
        assert isinstance(fact, PackagePublished)
        answer = self.spool.find(fact.head.event_id) or self._answer(fact)
        if answer is None or answer.sent:
            return
        try:
            self.sender.send(answer, self.retries.expired)
        except NotSent as failed:
            if self.retries.expired():
                raise Expired from failed
            raise
        self.spool.mark_sent(answer)

    def _answer(self, fact: PackagePublished) -> Answer | None:
        """Verify, hand over and spool the answer; None when another program answers."""
        package = _package(fact)
        accepted: bool | None = True if self.answering else None
        reason = VERIFIED if self.answering else ""
        try:
            package = self._verified(package)
            self.handler(package)
        except PackageRefused as refused:
            accepted, reason = False, str(refused)
        except Refuse as refused:
            accepted, reason = False, str(refused) or "no reason given"
        answer = None
        if accepted is not None:
            cause = fact.head.event_id
            origin = fact.head.model_copy(update={"cause_id": cause})
            try:
                answer = make_answer(
                    cause, origin, package.package_id, self.repository, accepted, reason
                )
            except TooLarge as failed:  # no line publishes ids of this length
                self.retries.on_wait(f"skipping a message of {TOPIC}: {failed}")
                return None
            self.spool.keep(answer)
        self.note(PackageOutcome(package, accepted, reason))
        return answer

    def _verified(self, package: Package) -> Package:
        """The verified package; waits for space, and while the store does not respond.

        Raises PackageRefused, Expired, OSError."""
        row: dict[str, Any] = asdict(package)
        for _ in self.retries.attempts():
            try:
                if self.into is None:
                    fetching.verify(row, self.storage)
                    return package
                self.require_space(package)
                return Package(**row | {"path": _unpacked(row, self.storage, self.into)})
            except NoSpace as full:
                self.retries.on_wait(str(full))
            except StorageError as failed:
                self.retries.on_wait(f"the store does not respond: {failed}")
        raise AssertionError("attempts end with Expired")


def _require_space(settings: Settings, into: Path | None, package: Package) -> None:
    """Raise NoSpace when a package cannot be unpacked into a folder, where it is not yet."""
    if into is not None and not (into / package.package_id).is_dir():
        require_space_outside(settings, into, package.package_id, package.size_bytes)


def _package(fact: PackagePublished) -> Package:
    named = fact.model_dump(include=set(Package.__dataclass_fields__))
    missing = fact.counts.missing
    return Package(
        batch_id=fact.head.batch_id,
        published_at=written(fact.head.occurred_at),
        completeness=completeness_of(missing),
        missing_pages=missing,
        **named,
    )


def _unpacked(row: dict[str, Any], storage: Storage, folder: Path) -> Path:
    """The verified bag in its folder, which may exist from before a crash."""
    path = folder / fetching.folder_name(row)
    if not path.is_dir():
        return fetching.fetch(row, storage, folder)
    try:
        fetching.verify_fetched(row, path)
    except PackageRefused as other:
        raise FolderConflict(f"{path} exists and is not the package: {other.found}") from other
    return path
