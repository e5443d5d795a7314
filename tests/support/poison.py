"""Poisoned messages: what a program that is none of ours can put on the topics of a line."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import psycopg
from confluent_kafka import Producer

from infra.kafka_access import Brokers
from schemas import ids
from schemas.catalogue import AUDIT_INTAKE, AUDIT_PREMIS, key_of, topic_of
from schemas.codec import encode
from schemas.models import (
    ControlRequested,
    Fact,
    FileRef,
    Head,
    PackageCounts,
    PackagePublished,
    PackageReceived,
    PageCaptured,
    Rights,
)
from streams.audit.sealed_record import Headers, Seal, headers_of, schema_digest
from streams.topology import RELEASED
from tests.support.audit_log import an_event
from tests.support.builders import a_file, a_head, a_page, a_submission
from tests.support.signing import signed

BAD_KEY = "../../etc/passwd"
NO_FACT = b"\0\0\0\0\1 these bytes are kept, and then lost"
FORGED_PAGES = 12
Message = tuple[str, bytes | None, bytes | None, Headers]
"""Topic, key, value and headers."""


def send(brokers: Brokers, messages: Iterable[Message]) -> None:
    """Publish messages as they are; returns when the broker has them."""
    producer = Producer(brokers.client | {"enable.idempotence": True})
    for topic, key, value, headers in messages:
        producer.produce(topic, key=key, value=value, headers=headers)
    assert producer.flush(30) == 0


def by_home(home: Path, messages: Iterable[Message]) -> list[Message]:
    """The same messages, signed by the home's own station or repository."""
    return [
        (topic, key, value, [*headers, *signed(home, topic, key, value)])
        for topic, key, value, headers in messages
    ]


def message(fact: Fact) -> Message:
    """A fact as it is published."""
    return topic_of(type(fact).__name__).name, key_of(fact).encode(), encode(fact), []


def naming_others(batch_id: str, page_id: str) -> list[Message]:
    """Refused messages whose heads name a page of another batch."""
    lies = {
        "batch_id": batch_id,
        "item_id": page_id.partition(":")[0],
        "page_id": page_id,
        "occurred_at": datetime.now(UTC),
    }

    def head(**changes: object) -> Head:
        return a_head(event_id=str(uuid4()), **lies | changes)

    refused = {"package_id": f"{lies['item_id']}.v1", "accepted": False, "repository": "r"}
    asked = {"action": "cancel", "subjects": ("batch:no",), "by": "p-1", "reason": ""}
    return [
        message(a_submission(head=head(revision=-7))),
        message(a_submission(head=head())),
        message(PackageReceived(head=head(), **refused)),
        message(PageCaptured(head=head(item_id="x"), sequence=1)),
        message(ControlRequested(head=head(), **asked)),
    ]


def capture(batch_id: str, page_id: str) -> Message:
    """A well-formed capture of a page."""
    about = {"batch_id": batch_id, "item_id": page_id.partition(":")[0], "page_id": page_id}
    head = a_head(event_id=str(uuid4()), occurred_at=datetime.now(UTC), **about)
    return message(PageCaptured(head=head, sequence=1))


def huge_position() -> Message:
    """A released message whose original partition is a number of 41 digits."""
    headers: Headers = [("step", b"tracker"), ("topic", topic_of("PageAcquired").name.encode())]
    position: Headers = [("partition", b"1" + b"0" * 40), ("offset", b"1")]
    return RELEASED, b"k", b"\0\0\0\0\1x", [*headers, *position]


def rush_pages_with_a_bad_key() -> list[Message]:
    """Admitted pages of an unknown batch whose files have a key that the store never gives."""
    files = tuple(a_file(use, key=BAD_KEY) for use in ("capture", "profile"))
    pages = []
    for number in range(1, FORGED_PAGES + 1):
        subject = {"batch_id": "forged", "item_id": "forged-vol", "page_id": f"forged-vol:{number}"}
        head = a_head(event_id=ids.make_id("forged", number), **subject)
        pages.append(message(a_page(head=head, priority="rush", files=files)))
    return pages


def package_with_a_bad_key() -> Message:
    """A published package whose tar has a key that the store never gives."""
    head = a_head(event_id=str(uuid4()), batch_id="forged", item_id="forged-vol", page_id=None)
    fact = PackagePublished(
        head=head,
        package_id="forged-vol.v1",
        item_id="forged-vol",
        revision=1,
        key=BAD_KEY,
        sha256="ab" * 32,
        size_bytes=7,
        content_digest="cd" * 32,
        counts=PackageCounts(pages=1, masters=1, texts=1, files=4),
        rights=Rights(),
    )
    return message(fact)


def in_the_log() -> list[Message]:
    """Records on audit.premis that the sealer did not write."""
    event = an_event(900)
    key, value = event.head.event_id.encode(), encode(event)
    seals = [headers_of(Seal(seq, 1, schema_digest(value))) for seq in (0, 10**12)]
    topic = AUDIT_PREMIS.name
    return [
        (topic, b"k", None, []),
        (topic, b"k", b"no event", []),
        (topic, key, value, []),
        (topic, key, value, seals[0]),
        (topic, key, value, seals[1]),
        (topic, b"another key", value, seals[1]),
    ]


def on_the_intake() -> list[Message]:
    """Records on audit.intake that cannot be sealed as they are."""
    event = an_event(901)
    key, value = event.head.event_id.encode(), encode(event)
    topic = AUDIT_INTAKE.name
    return [
        (topic, b"k", None, []),
        (topic, None, b"", []),
        (topic, b"k", b"no event", []),
        (topic, b"another key", value, []),
        (topic, key, value + b"more", []),
        (topic, key, b"\0" * 60_000, []),
    ]


def forge_next_row(dsn: str) -> None:
    """Add a row behind the last one of the audit log, as a superuser can."""
    with psycopg.connect(dsn) as connection:
        connection.execute("LOCK TABLE audit.projector_position")
        connection.execute("CREATE TEMP TABLE forged AS SELECT * FROM audit.events WHERE seq = 0")
        query = (
            "UPDATE forged SET detail = 'forged', seq = last_seq + 1 FROM audit.projector_position"
        )
        connection.execute(query)
        connection.execute("INSERT INTO audit.events SELECT * FROM forged")


def release_with(file: FileRef, quarantine_id: str) -> ControlRequested:
    """A person's release of a record with a file."""
    return ControlRequested(
        head=a_head(event_id=str(uuid4()), batch_id=None, item_id=None, page_id=None),
        action="release",
        subjects=(f"quarantine:{quarantine_id}",),
        value="f1.tif",
        by="p-4",
        reason="mine",
        files=(file,),
    )
