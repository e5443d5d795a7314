"""A repository's answers: made once, kept in a spool until the broker has them, never doubled."""

import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from schemas import ids
from schemas.catalogue import topic_of
from schemas.codec import encode
from schemas.models import UNSTAMPED, Head, PackageReceived
from schemas.models import Producer as Software
from streams.kafka.producer import PRODUCER_SETTINGS
from streams.settings import Settings, software_version

SOFTWARE = "copystand/repository"
LONGEST_REASON = 2000
BY_HAND = "_receive"
"""The spool of answers given by hand; no group is called so."""
TOPIC = topic_of("PackageReceived").name
MAKE_TABLE = """
CREATE TABLE IF NOT EXISTS answers (
    subject TEXT PRIMARY KEY, event_id TEXT NOT NULL, package_id TEXT NOT NULL,
    accepted INTEGER NOT NULL, reason TEXT NOT NULL, value BLOB NOT NULL,
    sent INTEGER NOT NULL DEFAULT 0
)"""


class SpoolBusy(Exception):
    """Another process answers from this spool."""


class Contradicts(Exception):
    """The repository has answered the other way before."""


class NotSent(ConnectionError):
    """The broker did not take an answer; it stays in the spool."""


@dataclass(frozen=True)
class Answer:
    """What a repository says of a package: the message that says it, and whether it is out."""

    subject: str
    """What is answered: the event_id of its package.published, or the package and who answers."""
    event_id: str
    package_id: str
    accepted: bool
    reason: str
    value: bytes
    sent: bool = False


def spool_path(settings: Settings, name: str) -> Path:
    """Where the answers that are given under a name are kept."""
    return settings.home / "spool" / f"answers.{name}.sqlite"


def make_answer(
    subject: str, about: Head, package_id: str, repository: str, accepted: bool, reason: str
) -> Answer:
    """An answer with a new id; it counts once it is in the spool."""
    head = about.model_copy(
        update={
            "event_id": str(uuid4()),
            "page_id": None,
            "occurred_at": datetime.now(UTC),
            "producer": Software(name=SOFTWARE, version=software_version()),
        }
    )
    reason = reason[:LONGEST_REASON]
    fact = PackageReceived(
        head=head, package_id=package_id, accepted=accepted, reason=reason, repository=repository
    )
    return Answer(subject, head.event_id, package_id, accepted, reason, encode(fact))


class Spool:
    """Answers on disk, one for each subject; the first that was kept is the one that counts."""

    def __init__(self, path: Path) -> None:
        """A spool that is ours alone until it is closed. Raises SpoolBusy."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._rows = sqlite3.connect(path, timeout=1, isolation_level=None)
        try:
            self._rows.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._rows.execute("PRAGMA synchronous = FULL")
            self._rows.execute("BEGIN EXCLUSIVE")
            self._rows.execute(MAKE_TABLE)
            self._rows.execute("COMMIT")
        except sqlite3.OperationalError as busy:
            self._rows.close()
            raise SpoolBusy(f"another process answers from {path}: {busy}") from busy

    def find(self, subject: str) -> Answer | None:
        """The answer that was kept, if any."""
        row = self._rows.execute(
            "SELECT subject, event_id, package_id, accepted, reason, value, sent"
            " FROM answers WHERE subject = ?",
            (subject,),
        ).fetchone()
        if row is None:
            return None
        return Answer(row[0], row[1], row[2], bool(row[3]), row[4], row[5], bool(row[6]))

    def keep(self, answer: Answer) -> None:
        """Make an answer durable before anybody hears it; it replaces an earlier one."""
        row = (answer.subject, answer.event_id, answer.package_id, answer.accepted)
        self._rows.execute(
            "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?, 0)",
            (*row, answer.reason, answer.value),
        )

    def was_sent(self, answer: Answer) -> None:
        """Note that the broker has it."""
        self._rows.execute("UPDATE answers SET sent = 1 WHERE subject = ?", (answer.subject,))

    def close(self) -> None:
        """Let another process have the spool."""
        self._rows.close()


class Sender:
    """Puts answers on package.received; an outage makes it wait."""

    def __init__(self, brokers: str) -> None:
        self._producer = Producer(
            {"bootstrap.servers": brokers, **PRODUCER_SETTINGS, "log_level": 2}
        )

    def send(self, answer: Answer, over: Callable[[], bool]) -> None:
        """Returns when the broker has it. Raises NotSent: refused, or over before that."""
        wrong: list[str] = []
        done = threading.Event()

        def delivered(error: KafkaError | None, _: Message) -> None:
            if error is not None:
                wrong.append(str(error))
            done.set()

        key = answer.package_id.encode()
        self._producer.produce(TOPIC, key=key, value=answer.value, on_delivery=delivered)
        while not done.is_set() and not over():
            self._producer.poll(0.1)
        if wrong or not done.is_set():
            with suppress(KafkaException):
                self._producer.purge()
            raise NotSent(wrong[0] if wrong else "the broker gave no answer")


def receive(
    settings: Settings,
    package: Mapping[str, Any],
    repository: str,
    accepted: bool,
    reason: str,
    known: Sequence[Mapping[str, Any]],
    *,
    instead: bool = False,
    timeout_seconds: float = 30.0,
) -> bool:
    """Answer for a repository that does not follow; False when it has said so before.

    `known` are its answers so far, the latest first; `instead` lets it change its mind.
    Raises Contradicts, SpoolBusy, NotSent."""
    subject = f"{package['package_id']} {repository}"
    deadline = time.monotonic() + timeout_seconds
    with closing(Spool(spool_path(settings, BY_HAND))) as spool:
        kept = spool.find(subject)
        if kept is not None and _taken_in(kept) in [one["event_id"] for one in known]:
            kept = None  # The line has it, and perhaps later ones.
        before = kept.accepted if kept else known[0]["accepted"] if known else None
        if before is not None and before != accepted and not instead:
            said = "accepted" if before else "refused"
            raise Contradicts(f"{repository} has {said} {package['package_id']} before")
        if before == accepted and (kept is None or kept.sent):
            return False
        if kept is None or kept.accepted != accepted:
            named = {name: package[name] for name in ("batch_id", "item_id", "revision")}
            about = UNSTAMPED.model_copy(update=named)
            kept = make_answer(subject, about, package["package_id"], repository, accepted, reason)
            spool.keep(kept)
        Sender(settings.kafka).send(kept, lambda: time.monotonic() > deadline)
        spool.was_sent(kept)
    return True


def _taken_in(answer: Answer) -> str:
    """event_id of the receipt.accepted that the router makes of an answer."""
    return ids.fact_id(ids.work_id(answer.event_id, "router"), "ReceiptAccepted")
