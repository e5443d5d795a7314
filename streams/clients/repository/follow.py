"""Follows package.published for a repository: each package is verified, handed over, answered."""

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
from schemas.codec import Undecodable, decode
from schemas.models import PackagePublished
from schemas.times import written
from streams.clients.repository import packages
from streams.clients.repository.answers import (
    Answer,
    NotSent,
    Sender,
    Spool,
    make_answer,
    spool_path,
)
from streams.clients.repository.packages import PackageRefused
from streams.clients.repository.subscription import GivenUp, Patience, Subscription
from streams.settings import Settings
from streams.storage.factory import open_storage

TOPIC = topic_of("PackagePublished").name
GROUP = re.compile(r"(?!copystand\.)[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
VERIFIED = "accepted: the tar, its manifests and the content digest were verified"


class Refuse(Exception):
    """Raised by a handler that does not take a package; the text is the reason that is sent."""


class InTheWay(OSError):
    """A folder that is not this package stands where it would be unpacked."""


@dataclass(frozen=True)
class Package:
    """A published package; a handler gets it verified from end to end."""

    package_id: str
    batch_id: str | None
    item_id: str
    revision: int
    key: str
    sha256: str
    size_bytes: int
    content_digest: str
    published_at: str
    path: Path | None = None
    """Its unpacked bag, durable on disk; None when nothing is unpacked."""


@dataclass(frozen=True)
class Outcome:
    """What became of one package."""

    package: Package
    accepted: bool | None
    """None: handed over, and the answer is left to somebody else."""
    reason: str


Handler = Callable[[Package], None]


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
    told: Callable[[Outcome], None] = lambda _: None,
    trouble: Callable[[str], None] = lambda _: None,
) -> list[Outcome]:
    """Hand over each published package, verified, until told to stop; what became of them.

    The handler takes a package by returning and refuses it by raising Refuse. Whatever else it
    raises ends the follower: nothing is answered, and the next start brings the package again.
    Raises NotUp, SpoolBusy, NotSent and KafkaException (the broker refuses us), OSError."""
    if not GROUP.match(group):
        raise ValueError(f"{group!r} is no name for a repository's group")
    deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
    patience = Patience(stop or threading.Event(), deadline, trouble)
    outcomes: list[Outcome] = []

    def note(outcome: Outcome) -> None:
        outcomes.append(outcome)
        told(outcome)

    with (
        closing(Spool(spool_path(settings, group))) as spool,
        closing(Subscription(settings, group, TOPIC, patience)) as subscription,
    ):
        receiver = _Receiver(
            repository or group, handler, into, answering, open_storage(settings), spool,
            Sender(settings.kafka), patience, note,
        )  # fmt: skip
        try:
            subscription.start(since_now)
            for message in subscription.messages():
                value = message.value()
                receiver.take(value if isinstance(value, bytes) else b"")
                # Only now: the answer is on the broker, or there is none to give.
                subscription.commit(message)
                if limit is not None and len(outcomes) >= limit:
                    break
        except GivenUp:
            pass
    return outcomes


@dataclass(frozen=True)
class _Receiver:
    """Brings published packages to their end, one by one."""

    repository: str
    handler: Handler
    into: Path | None
    answering: bool
    storage: Storage
    spool: Spool
    sender: Sender
    patience: Patience
    note: Callable[[Outcome], None]

    def take(self, value: bytes) -> None:
        """Verify, hand over, answer; what was answered before is not done again."""
        try:
            fact = decode(value, PackagePublished)
        except Undecodable as wrong:
            self.patience.trouble(f"a message of {TOPIC} is passed over: {wrong}")
            return
        assert isinstance(fact, PackagePublished)
        answer = self.spool.find(fact.head.event_id) or self._judged(fact)
        if answer is None or answer.sent:
            return
        try:
            self.sender.send(answer, self.patience.over)
        except NotSent as wrong:
            if self.patience.over():
                raise GivenUp from wrong
            raise
        self.spool.was_sent(answer)

    def _judged(self, fact: PackagePublished) -> Answer | None:
        """Hand over what is good and keep the answer; None when somebody else will answer."""
        package = _package(fact)
        accepted: bool | None = True if self.answering else None
        reason = VERIFIED if self.answering else ""
        try:
            package = self._verified(package)
            self.handler(package)
        except PackageRefused as wrong:
            accepted, reason = False, str(wrong)
        except Refuse as no:
            accepted, reason = False, str(no) or "no reason given"
        answer = None
        if accepted is not None:
            cause = fact.head.event_id
            about = fact.head.model_copy(update={"cause_id": cause})
            answer = make_answer(
                cause, about, package.package_id, self.repository, accepted, reason
            )
            self.spool.keep(answer)
        self.note(Outcome(package, accepted, reason))
        return answer

    def _verified(self, package: Package) -> Package:
        """The package, once verified; a store that is away is waited for.

        Raises PackageRefused, GivenUp, OSError."""
        row: dict[str, Any] = asdict(package)
        for _ in self.patience.tries():
            try:
                if self.into is None:
                    packages.verify(row, self.storage)
                    return package
                return Package(**row | {"path": _unpacked(row, self.storage, self.into)})
            except StorageError as away:
                self.patience.trouble(f"the store gives no answer: {away}")
        raise AssertionError("tries end by GivenUp")


def _package(fact: PackagePublished) -> Package:
    named = fact.model_dump(include=set(Package.__dataclass_fields__))
    published_at = written(fact.head.occurred_at)
    return Package(batch_id=fact.head.batch_id, published_at=published_at, **named)


def _unpacked(row: dict[str, Any], storage: Storage, folder: Path) -> Path:
    """The verified bag in its folder, which may stand there from before a crash."""
    path = folder / packages.folder_name(row)
    if not path.is_dir():
        return packages.fetch(row, storage, folder)
    try:
        packages.verify_fetched(row, path)
    except PackageRefused as other:
        raise InTheWay(f"{path} is there and is not the package: {other.found}") from other
    return path
