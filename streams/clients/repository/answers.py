"""A repository's answers: created once, spooled until the broker has them, sent once."""

import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from infra.kafka_access import Brokers
from schemas import ids
from schemas.catalogue import topic_of
from schemas.codec import encode
from schemas.models import UNSTAMPED, Head, PackageReceived
from schemas.models import Producer as Software
from streams.clients.signing import signature_headers
from streams.kafka.client import REPOSITORY
from streams.kafka.producer import PRODUCER_SETTINGS
from streams.named_queries import NamedQueries
from streams.settings import Settings, software_version
from streams.signatures import SigningKey

SOFTWARE = "copystand/repository"
LONGEST_REASON = 2000
MANUAL = "_receive"
"""Name of the spool of manual answers; no consumer group can have this name."""
TOPIC = topic_of("PackageReceived").name
query = NamedQueries(Path(__file__).with_name("answers.sql"))


class SpoolBusy(Exception):
    """Another process uses this spool."""


class Contradicts(Exception):
    """The repository gave the opposite answer before."""


class NotSent(ConnectionError):
    """The broker did not acknowledge an answer; it stays in the spool."""


@dataclass(frozen=True)
class Answer:
    """A repository's answer to a package: the encoded message, and whether it was sent."""

    subject: str
    """What is answered: the event_id of a package.published, or a package and a repository."""
    event_id: str
    package_id: str
    accepted: bool
    reason: str
    value: bytes
    sent: bool = False


def spool_path(settings: Settings, name: str) -> Path:
    """The spool of the answers of a consumer group, or of manual answers."""
    return settings.home / "spool" / f"answers.{name}.sqlite"


def make_answer(
    subject: str, origin: Head, package_id: str, repository: str, accepted: bool, reason: str
) -> Answer:
    """An answer with a new id. It is final once it is in the spool."""
    head = origin.model_copy(
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
    """Answers on disk, one for each subject."""

    def __init__(self, path: Path) -> None:
        """Lock a spool for this process until it is closed. Raises SpoolBusy."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, timeout=1, isolation_level=None)
        try:
            self._connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.execute("PRAGMA secure_delete = ON")
            self._connection.execute("BEGIN EXCLUSIVE")
            self._connection.execute(query.text("create_table"))
            self._connection.execute("COMMIT")
        except sqlite3.OperationalError as busy:
            self._connection.close()
            raise SpoolBusy(f"another process uses {path}: {busy}") from busy

    def find(self, subject: str) -> Answer | None:
        """The answer in the spool, if any."""
        row = self._connection.execute(query.text("find"), {"subject": subject}).fetchone()
        if row is None:
            return None
        return Answer(row[0], row[1], row[2], bool(row[3]), row[4], row[5], bool(row[6]))

    def keep(self, answer: Answer) -> None:
        """Make an answer durable before it is sent; it replaces an earlier one."""
        self._connection.execute(query.text("keep"), asdict(answer))

    def mark_sent(self, answer: Answer) -> None:
        """Record that the broker acknowledged an answer."""
        self._connection.execute(query.text("mark_sent"), {"subject": answer.subject})

    def close(self) -> None:
        """Release the spool for other processes."""
        self._connection.close()


class Sender:
    """Publishes answers to package.received; waits while the broker is down."""

    def __init__(self, brokers: Brokers, signing_key: SigningKey) -> None:
        self._signing_key = signing_key
        self._producer = Producer({**brokers.client, **PRODUCER_SETTINGS, "log_level": 2})

    def send(self, answer: Answer, expired: Callable[[], bool]) -> None:
        """Return when the broker acknowledged it. Raises NotSent when it failed or expired."""
        failures: list[str] = []
        done = threading.Event()

        def delivered(error: KafkaError | None, _: Message) -> None:
            if error is not None:
                failures.append(str(error))
            done.set()

        key = answer.package_id.encode()
        signed = signature_headers(self._signing_key, TOPIC, key, answer.value)
        self._producer.produce(TOPIC, answer.value, key, on_delivery=delivered, headers=signed)
        while not done.is_set() and not expired():
            self._producer.poll(0.1)
        if failures or not done.is_set():
            with suppress(KafkaException):
                self._producer.purge()
            raise NotSent(failures[0] if failures else "the broker did not respond")


def open_sender(settings: Settings) -> Sender:
    """A sender with the credentials of this process. Raises NotUp."""
    return Sender(settings.kafka_as(REPOSITORY), settings.signing_key(REPOSITORY))


def send_answer(
    settings: Settings,
    package: Mapping[str, Any],
    repository: str,
    accepted: bool,
    reason: str,
    previous: Sequence[Mapping[str, Any]],
    *,
    replace: bool = False,
    timeout_seconds: float = 30.0,
) -> bool:
    """Answer for a repository that does not follow; False when it gave this answer before.

    `previous` are its answers so far, latest first; `replace` allows the opposite answer.
    Raises Contradicts, SpoolBusy, NotSent."""
    subject = f"{package['package_id']} {repository}"
    deadline = time.monotonic() + timeout_seconds
    with closing(Spool(spool_path(settings, MANUAL))) as spool:
        spooled = spool.find(subject)
        if spooled is not None and _fact_id(spooled) in [one["event_id"] for one in previous]:
            spooled = None  # The line has it, and perhaps later ones.
        before = spooled.accepted if spooled else previous[0]["accepted"] if previous else None
        if before is not None and before != accepted and not replace:
            answer = "accepted" if before else "refused"
            raise Contradicts(f"{repository} already {answer} {package['package_id']}")
        if before == accepted and (spooled is None or spooled.sent):
            return False
        if spooled is None or spooled.accepted != accepted:
            fields = {name: package[name] for name in ("batch_id", "item_id", "revision")}
            origin = UNSTAMPED.model_copy(update=fields)
            spooled = make_answer(
                subject, origin, package["package_id"], repository, accepted, reason
            )
            spool.keep(spooled)
        open_sender(settings).send(spooled, lambda: time.monotonic() > deadline)
        spool.mark_sent(spooled)
    return True


def _fact_id(answer: Answer) -> str:
    """event_id of the receipt.accepted that the router makes of an answer."""
    return ids.fact_id(ids.work_id(answer.event_id, "router"), "ReceiptAccepted")
