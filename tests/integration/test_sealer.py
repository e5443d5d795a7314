"""The sealer on a real broker: every event once, numbered without a gap, in every failure."""

import json
import os
import shutil
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from schemas.codec import MAX_AUDIT_BYTES, encode
from schemas.ids import make_id
from streams.audit.sealed_record import Seal, headers_of, record_of, schema_digest
from streams.sealer.event_index import EventIndex
from streams.transparency_log.export import newest_checkpoint, static_tiles
from streams.transparency_log.tiles import Tree
from tests.support.audit_log import (
    Log,
    a_log,
    an_event,
    deliveries,
    delivery,
    events,
    projected,
    seals,
    until,
)
from tests.support.parts import Parts, running_parts


@pytest.fixture
def log(parts: Parts, tmp_path: Path) -> Log:
    return a_log(parts, tmp_path)


def numbers(log: Log) -> list[int]:
    return [seal.seq for seal in seals(log.sealed())]


def indexed(log: Log) -> list[tuple[str, int, bytes]]:
    index = EventIndex(log.home / "audit" / "index.db")
    try:
        return [(event.event_id, event.seq, event.digest) for event in index.all()]
    finally:
        index.close()


def test_seals_every_event_in_order_with_its_bytes_untouched(log: Log) -> None:
    sent = deliveries(600)
    log.deliver(sent)

    with log.sealer():
        sealed = log.wait_for(600)

    assert [(message.key(), message.value()) for message in sealed] == sent
    assert numbers(log) == list(range(600))
    assert {seal.schema_sha256 for seal in seals(sealed)} == {schema_digest(sent[0][1] or b"")}
    times = [seal.sealed_at for seal in seals(sealed)]
    assert times == sorted(times)
    assert abs(times[-1] / 1e6 - time.time()) < 60


def test_exits_with_0_on_sigterm_and_continues_where_it_was(log: Log) -> None:
    log.deliver(deliveries(10))
    with log.sealer() as first:
        log.wait_for(10)
        first.terminate()

        assert first.wait(15) == 0

    log.deliver(deliveries(10, first=10))
    with log.sealer():
        log.wait_for(20)
    assert numbers(log) == list(range(20))


def test_drops_a_redelivered_event(log: Log) -> None:
    log.deliver([*deliveries(5), *deliveries(5), *deliveries(6)])

    with log.sealer():
        log.wait_for(6)
        log.deliver([*deliveries(6), delivery(an_event(99))])
        sealed = log.wait_for(7)

    assert [message.value() for message in sealed] == [
        value for _, value in [*deliveries(6), delivery(an_event(99))]
    ]
    assert not (log.home / "audit" / "anomalies").exists()


INVALID = [
    (*delivery(an_event(0, detail="changed")), "log.other-bytes"),
    (b"x", encode(an_event(1))[:5] + b"\xff" * MAX_AUDIT_BYTES, "log.too-large"),
    (b"x", b"\x00\x00\x00\x00\x16not Avro", "log.not-decodable"),
    (b"x", b"\x00\x00\x00\xff\xff", "log.not-decodable"),
    (b"x", b"", "log.not-decodable"),
    (b"x", None, "log.not-decodable"),
    (b"x", encode(an_event(2))[:-1], "log.not-decodable"),
    (None, encode(an_event(3)), "log.key-mismatch"),
    (b"another id", encode(an_event(4)), "log.key-mismatch"),
    (b"no-uuid", encode(an_event(5, event_id="no-uuid")), "log.not-decodable"),
    (b"x", encode(an_event(6, batch_id="b" * 48_600)), "log.key-mismatch"),
]


def test_reports_each_record_that_it_cannot_seal_and_continues(log: Log) -> None:
    last = an_event(50)
    log.deliver(
        [delivery(an_event(0)), *[(key, value) for key, value, _ in INVALID], delivery(last)]
    )

    with log.sealer():
        first, *anomalies, after = events(log.wait_for(len(INVALID) + 2))

    assert (first, after) == (an_event(0), last)
    assert [(one.event_type, one.outcome, one.code) for one in anomalies] == [
        ("log-anomaly", "fai", code) for _, _, code in INVALID
    ]
    for offset, (one, (_, value, code)) in enumerate(zip(anomalies, INVALID, strict=True), 1):
        preserved = log.home / "audit" / "anomalies" / f"0-{offset}"
        assert one.head.event_id == make_id("sealer", 0, offset)
        assert preserved.with_suffix(".value").read_bytes() == (value or b"")
        assert json.loads(preserved.with_suffix(".json").read_text())["code"] == code


def test_reports_an_anomaly_once_when_the_intake_is_read_again(log: Log, tmp_path: Path) -> None:
    log.deliver([(key, value) for key, value, _ in INVALID[1:]])
    with log.sealer():
        before = log.wait_for(len(INVALID) - 1)
    reads_again = replace(log, line=replace(log.line, group=log.line.group + ".new"))

    with reads_again.sealer():
        reads_again.deliver([delivery(an_event(50))])
        after = reads_again.wait_for(len(INVALID))

    assert [message.value() for message in after[:-1]] == [message.value() for message in before]


def test_an_anomaly_names_the_page_of_its_record(log: Log) -> None:
    log.deliver([delivery(an_event(0)), delivery(an_event(0, detail="changed"))])

    with log.sealer():
        anomaly = events(log.wait_for(2))[1]

    assert (anomaly.head.page_id, anomaly.head.cause_id) == ("i-1:0001", an_event(0).head.cause_id)


def test_loses_and_doubles_nothing_when_killed_in_the_middle(log: Log) -> None:
    sent = deliveries(6000)
    log.deliver(sent)

    for wanted in (500, 2000, 4000):
        with log.sealer() as sealer:
            until(lambda n=wanted: len(numbers(log)) > n, 40, lambda: f"{len(numbers(log))}")
            os.kill(sealer.pid, signal.SIGKILL)
    with log.sealer():
        sealed = log.wait_for(6000, 60)
        until(lambda: len(indexed(log)) == 6000, 30, lambda: f"{len(indexed(log))} in the index")

    assert [(message.key(), message.value()) for message in sealed] == sent
    assert numbers(log) == list(range(6000))
    assert [seq for _, seq, _ in indexed(log)] == list(range(6000))


def test_rebuilds_the_same_index_from_the_log(log: Log) -> None:
    log.deliver(deliveries(300))
    with log.sealer() as sealer:
        log.wait_for(300)
        sealer.terminate()
        sealer.wait(15)
    before = indexed(log)
    for file in (log.home / "audit").glob("index.db*"):
        file.write_bytes(b"no database") if file.name == "index.db" else file.unlink()

    log.deliver(deliveries(301))
    with log.sealer():
        log.wait_for(301)
        until(lambda: len(indexed(log)) == 301, 10, lambda: f"{len(indexed(log))}")

    assert indexed(log)[:300] == before
    assert numbers(log) == list(range(301))


def test_a_second_sealer_fences_the_first(log: Log, parts: Parts, tmp_path: Path) -> None:
    other = a_log(parts, tmp_path / "other")
    log.deliver(deliveries(10))
    with log.sealer() as first:
        log.wait_for(10)
        os.kill(first.pid, signal.SIGSTOP)
        with replace(log, home=other.home).sealer():
            log.deliver(deliveries(10, first=10))
            log.wait_for(20)
            os.kill(first.pid, signal.SIGCONT)
            log.deliver(deliveries(10, first=20))

            assert first.wait(40) == 70
            log.wait_for(30)

    assert numbers(log) == list(range(30))
    assert "another sealer has taken over" in (log.home / "role.log").read_text()


def seal_and_stop(log: Log, count: int) -> None:
    with log.sealer() as sealer:
        log.wait_for(count)
        sealer.terminate()
        assert sealer.wait(15) == 0


def leaves(log: Log) -> list[bytes]:
    """What the sealed log of the home has."""
    folder = log.home / "audit" / "log"
    return list(Tree(static_tiles(folder), newest_checkpoint(folder).size).leaves())


def forge(log: Log, number: int, seq: int, committed: int) -> None:
    """As an administrator of Kafka: the record of a sealer that does not exist, and its offset."""
    key, value = delivery(an_event(number, "forged"))
    seal = Seal(seq, time.time_ns() // 1000, schema_digest(value or b""))
    proof = ("sealer_mac", bytes(16))
    producer = Producer({**log.parts.kafka.client, "enable.idempotence": True})
    producer.produce(log.line.premis, value, key, 0, headers=[*headers_of(seal), proof])
    assert producer.flush(30) == 0
    moved = TopicPartition(log.line.intake, 0, committed)
    member = Consumer({**log.parts.kafka.client, "group.id": log.line.group})
    member.commit(offsets=[moved], asynchronous=False)
    member.close()


def test_a_forged_record_with_a_moved_offset_is_not_sealed_and_no_event_is_passed_over(
    log: Log,
) -> None:
    log.deliver(deliveries(10))
    seal_and_stop(log, 10)
    log.deliver(deliveries(5, first=10))
    forge(log, 900, seq=10, committed=13)

    for sealed in (15, 16):
        log.deliver(deliveries(sealed))  # at the second start one is new, the others are known
        seal_and_stop(log, sealed + 1)

    assert [record_of(one).value for one in leaves(log)] == [v for _, v in deliveries(16)]
    text = (log.home / "role.log").read_text()
    assert text.count("the committed offset is not this sealer's") == 1


def test_a_home_from_a_backup_takes_what_its_sealer_sealed_since(log: Log, tmp_path: Path) -> None:
    log.deliver(deliveries(10))
    seal_and_stop(log, 10)
    backup = replace(log, home=tmp_path / "backup")
    shutil.copytree(log.home, backup.home)
    log.deliver(deliveries(10, first=10))
    seal_and_stop(log, 20)

    log.deliver(deliveries(1, first=20))
    seal_and_stop(backup, 21)

    assert numbers(log) == list(range(21))
    assert leaves(backup)[:20] == leaves(log)
    assert len(leaves(backup)) == 21


def test_waits_and_says_why_when_the_topic_differs_from_the_log(
    log: Log, parts: Parts, tmp_path: Path
) -> None:
    log.deliver(deliveries(10))
    other = a_log(parts, tmp_path / "other")
    other.deliver(deliveries(20, first=100))
    for one, count in ((log, 10), (other, 20)):
        with one.sealer() as sealer:
            one.wait_for(count)
            sealer.terminate()
            sealer.wait(15)

    note = log.home / "run" / "roles" / "sealer.note"
    with Log(parts, log.home, other.line).sealer() as sealer:
        until(note.exists, 20, lambda: (log.home / "role.log").read_text()[-3000:])
        assert "disagree" in note.read_text()
        assert sealer.poll() is None
        sealer.terminate()
        assert sealer.wait(15) == 0


def test_publishes_again_what_the_topic_lost(log: Log, parts: Parts) -> None:
    log.deliver(deliveries(10))
    with log.sealer() as sealer:
        before = seals(log.wait_for(10))
        sealer.terminate()
        sealer.wait(15)
    empty = a_log(parts, log.home).line.premis

    # The same intake, index and group, and a log that ends before the index.
    shorter = Log(parts, log.home, replace(log.line, premis=empty))
    with shorter.sealer():
        sealed = shorter.wait_for(10)
        # The index follows after the topic.
        until(lambda: len(indexed(shorter)) == 10, 30, lambda: f"{len(indexed(shorter))}")

    assert [(one.key(), one.value()) for one in sealed] == deliveries(10)
    assert seals(sealed) == before
    assert "log lost sealed records" in (log.home / "role.log").read_text()


def test_sealer_and_projector_continue_after_the_broker_was_killed(tmp_path: Path) -> None:
    sent = deliveries(4000)
    with running_parts(tmp_path / "parts") as own:
        log = a_log(own, tmp_path / "sealer")
        log.deliver(sent)
        with log.sealer() as sealer, log.projector() as projector:
            until(lambda: bool(numbers(log)), 30, lambda: "nothing sealed")
            process = own.broker.process
            assert process is not None
            process.kill()
            process.wait()
            own.broker.start()
            own.broker.wait_ready()
            log.deliver(deliveries(10, first=4000))

            assert len(log.wait_for(4010, 90)) == 4010
            until(lambda: projected(own) == 4010, 30, lambda: f"{projected(own)} rows")
            assert (sealer.poll(), projector.poll()) == (None, None)

        assert [(one.key(), one.value()) for one in log.sealed()[:4000]] == sent
        assert numbers(log) == list(range(4010))
