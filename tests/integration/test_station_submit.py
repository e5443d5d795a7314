"""A station with a real broker and database."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from confluent_kafka import Consumer, KafkaError, TopicPartition

from processors.rules.codes import is_error
from schemas.codec import decode
from schemas.models import BatchSubmitted
from streams.clients.station import submission as client
from streams.clients.station.folder import SubmissionOptions
from streams.clients.station.waiting import wait
from streams.settings import Settings
from tests.support.deliveries import MODS, a_folder, a_png
from tests.support.parts import Parts

TOPIC = "digitization.batch.submitted.v1"


@pytest.fixture
def settings(parts: Parts) -> Settings:
    return Settings.load({"COPYSTAND_HOME": str(parts.home)})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return a_folder(tmp_path / "ms-88", {"1.png": a_png(1), "mods.xml": MODS})


@pytest.fixture
def options() -> SubmissionOptions:
    return SubmissionOptions(f"b-{uuid4().hex[:8]}")


@pytest.fixture
def database(parts: Parts) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(parts.dsn("tracker"), autocommit=True) as connection:
        yield connection


def received(database: psycopg.Connection[Any], made: client.Submission, **columns: Any) -> None:
    """Record the submission as received, with these columns."""
    row = {
        "batch_id": made.batch_id,
        "received_id": client.received_id(made.event_id),
        "manifest_sha256": "0" * 64,
        **columns,
    }
    names, values = ", ".join(row), ", ".join(f"%({name})s" for name in row)
    database.execute(f"INSERT INTO line.batches ({names}) VALUES ({values})", row)  # type: ignore[arg-type]


def test_the_submission_is_published_with_its_batch_id_as_key(
    settings: Settings, folder: Path, options: SubmissionOptions
) -> None:
    made = client.submit(folder, options, settings)

    [(key, fact)] = messages(settings, options.batch_id)
    assert fact.head.event_id == made.event_id
    assert (settings.home / fact.files[0].key).is_file()
    assert (key, made.state) == (options.batch_id, "submitted")


def test_a_manifest_that_the_line_knows_is_reported_as_known(
    settings: Settings, folder: Path, options: SubmissionOptions, database: psycopg.Connection[Any]
) -> None:
    received(database, client.submit(folder, options, settings))

    assert client.submit(folder, options, settings).state == "already known"


def test_another_manifest_with_a_known_batch_id_is_reported(
    settings: Settings, folder: Path, options: SubmissionOptions, database: psycopg.Connection[Any]
) -> None:
    received(database, client.submit(folder, options, settings))
    (folder / "2.png").write_bytes(a_png(2))

    found = client.check(folder, options, settings)

    assert [one.code for one in found if is_error(one)] == ["batch.id-taken"]


def test_a_taken_id_with_other_content_is_not_published(
    settings: Settings, folder: Path, options: SubmissionOptions, database: psycopg.Connection[Any]
) -> None:
    received(database, client.submit(folder, options, settings))
    (folder / "2.png").write_bytes(a_png(2))

    again = client.submit(folder, options, settings)

    assert (again.state, [one.code for one in again.diagnostics]) == (
        *("refused", ["batch.id-taken"]),
    )
    assert len(messages(settings, options.batch_id)) == 1


def test_a_refused_batch_is_corrected_under_its_id_with_the_same_revision(
    settings: Settings, folder: Path, options: SubmissionOptions, database: psycopg.Connection[Any]
) -> None:
    received(database, client.submit(folder, options, settings), refused=True)
    (folder / "2.png").write_bytes(a_png(2))

    again = client.submit(folder, options, settings)

    assert again.state == "submitted"
    sent = [fact for _, fact in messages(settings, options.batch_id)]
    assert {fact.head.revision for fact in sent} == {1}
    assert len(sent) == 2


def test_waits_until_the_batch_has_settled(
    settings: Settings, folder: Path, options: SubmissionOptions, database: psycopg.Connection[Any]
) -> None:
    made = client.submit(folder, options, settings)

    assert not wait(made, settings, timeout_seconds=0)

    settled = {"accepted_id": "x", "page_count": 0, "settled": True}
    received(database, made, **settled)

    assert wait(made, settings, timeout_seconds=10)
    assert (made.state, made.failed) == ("settled", False)


def test_waiting_ends_when_pre_flight_refuses(
    settings: Settings, folder: Path, options: SubmissionOptions, database: psycopg.Connection[Any]
) -> None:
    made = client.submit(folder, options, settings)
    received(database, made, refused=True)
    database.execute(
        'INSERT INTO line.quarantine (quarantine_id, batch_id, revision, code, "where", found, fix,'
        " attempts, resume_at, lane, work_id, required, origin_event_id, occurred_at,"
        " diagnostics_count, diagnostics) VALUES (%s, %s, 1, 'profile.unknown', 'scanner_profile',"
        " 'x', 'y.', 1, 'validate_batch', 'preflight', 'w', true, %s, now(), 0, '[]')",
        (f"q-{made.batch_id}", made.batch_id, client.received_id(made.event_id)),
    )

    assert wait(made, settings, timeout_seconds=10)
    assert (made.state, made.quarantined) == ("refused", [f"q-{made.batch_id}"])
    assert [one.code for one in made.diagnostics] == ["profile.unknown"]
    assert made.failed


def messages(settings: Settings, batch_id: str) -> list[tuple[str, BatchSubmitted]]:
    """All submissions with a batch id; other tests write to the topic, too."""
    consumer = Consumer(
        {
            **settings.kafka_as("auditor").client,
            "group.id": "reader",
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
        }
    )
    consumer.assign([TopicPartition(TOPIC, partition, 0) for partition in range(12)])
    found: list[tuple[str, BatchSubmitted]] = []
    ended: set[int] = set()
    try:
        while len(ended) < 12:
            message = consumer.poll(20)
            assert message is not None, f"the ends of {ended} were reached, then nothing came"
            if message.error():
                assert message.error().code() == KafkaError._PARTITION_EOF, message.error()
                ended.add(message.partition())
                continue
            if message.key() != batch_id.encode():
                continue
            fact = decode(message.value(), BatchSubmitted)
            assert isinstance(fact, BatchSubmitted)
            found.append((message.key().decode(), fact))
    finally:
        consumer.close()
    return found
