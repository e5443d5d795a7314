"""Logins of stations and repositories: made by one command, and revoked by one."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from confluent_kafka import KafkaError, Producer

from infra.kafka_access import Brokers, read_login
from schemas.catalogue import ORDERS, topic_of
from streams.cli.main import cli
from streams.clients.known_orders import read_orders
from streams.kafka.messages import Outgoing
from streams.kafka.producer import KafkaPublisher
from streams.known_senders import KnownSenders
from streams.provision import provision_quotas
from streams.settings import Settings
from streams.signatures import read_key
from tests.support import permissions
from tests.support.parts import Parts
from tests.support.running_line import wait_for

SUBMITTED = topic_of("BatchSubmitted").name
PUBLISHED, RECEIVED = topic_of("PackagePublished").name, topic_of("PackageReceived").name


def call(parts: Parts, *words: str | Path, **environment: str) -> Result:
    environment |= {"COPYSTAND_HOME": str(parts.home)}
    return CliRunner().invoke(cli, [str(word) for word in words], env=environment)


@pytest.fixture
def added(parts: Parts, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Brokers]:
    """The broker as a new station or repository `reading-room` reaches it."""
    file = tmp_path / "login.json"
    result = call(parts, request.param, "add", "reading-room", "--into", file, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == {"user": f"{request.param}-reading-room", "file": str(file)}
    assert file.stat().st_mode & 0o777 == 0o600
    yield Brokers(parts.kafka.servers, read_login(file))
    call(parts, request.param, "revoke", "reading-room")


class OpenConnection:
    """A producer that stays connected."""

    def __init__(self, brokers: Brokers) -> None:
        self._producer = Producer(
            brokers.client | {"message.max.bytes": 4_000_000, "linger.ms": 0, "log_level": 0}
        )

    def write(self, topic: str) -> str:
        """The name of the broker's error."""
        answers: list[str] = []

        def answered(error: KafkaError | None, _: Any) -> None:
            answers.append("" if error is None else error.name())

        self._producer.produce(topic, permissions.TOO_LARGE, b"k", on_delivery=answered)
        assert self._producer.flush(30) == 0
        return answers[0]


def test_the_file_has_a_key_that_the_line_knows_and_a_token_of_which_it_knows_the_digest(
    parts: Parts, tmp_path: Path
):
    file = tmp_path / "login.json"
    call(parts, "repository", "add", "reading-room", "--into", file)
    document, key = json.loads(file.read_text()), read_key(file)

    known = KnownSenders(parts.home).find(key.key_id)
    call(parts, "repository", "revoke", "reading-room")
    after = KnownSenders(parts.home).find(key.key_id)

    assert known is not None and after is not None
    assert (known.sender, known.kind, known.revoked_at) == (
        *("repository-reading-room", "repository"),
        None,
    )
    assert known.public_key == key.public_key
    assert known.upload_token_sha256 == sha256(document["upload_token"].encode()).hexdigest()
    assert after.revoked_at
    kept = list((parts.home / "senders").iterdir())
    assert not [one for one in kept if document["upload_token"] in one.read_text()]
    assert not [one for one in kept if document["signing_key"] in one.read_text()]


@pytest.mark.parametrize("added", ["station"], indirect=True)
def test_a_station_reads_orders_with_its_own_login_and_cannot_write_them(
    parts: Parts, added: Brokers, tmp_path: Path
):
    order = {"order_id": "O-1", "placed_at": "2026-05-04T09:30:00Z", "state": "open"}
    publisher = KafkaPublisher(parts.kafka)
    states = ({**order, "state": state} for state in ("open", "assigned"))
    publisher.publish([Outgoing(ORDERS.name, "O-1", json.dumps(one).encode()) for one in states])
    publisher.close()
    environment = {
        "COPYSTAND_HOME": str(tmp_path),
        "KAFKA_BROKERS": parts.kafka.servers,
        "COPYSTAND_KAFKA_CREDENTIALS": str(tmp_path / "login.json"),
    }

    found = read_orders(Settings.load(environment), timeout=60)

    assert found == [{**order, "state": "assigned"}]
    assert OpenConnection(added).write(ORDERS.name) == "TOPIC_AUTHORIZATION_FAILED"


class Flood:
    """A producer that writes small records to one topic."""

    def __init__(self, brokers: Brokers) -> None:
        self.delayed = 0.0
        """For how many seconds the broker has delayed its answers."""
        self._producer = Producer(
            brokers.client
            | {"linger.ms": 5, "batch.size": 20_000, "throttle_cb": self._delayed, "log_level": 0}
        )

    def write(self, topic: str, count: int) -> float:
        """Write records of 1 kB; returns the seconds until all are acknowledged."""
        began = time.monotonic()
        for _ in range(count):
            self._producer.produce(topic, b"x" * 1000, b"flood", partition=0)
        assert self._producer.flush(60) == 0
        return time.monotonic() - began

    def _delayed(self, event: Any) -> None:
        self.delayed += event.throttle_time


def test_a_station_that_floods_its_topic_is_delayed_and_others_are_not(
    parts: Parts, tmp_path: Path
):
    logins = {"flood": "0.1", "calm": "5"}
    files = {name: tmp_path / f"{name}.json" for name in logins}
    for name, megabytes in logins.items():
        limit = {"COPYSTAND_SENDER_PRODUCE_MB": megabytes}
        result = call(parts, "station", "add", name, "--into", files[name], **limit)
        assert result.exit_code == 0, result.output
    flood, calm = (Flood(Brokers(parts.kafka.servers, read_login(files[name]))) for name in logins)
    calm.write(SUBMITTED, 1)  # connects

    with ThreadPoolExecutor(1) as threads:
        flooding = threads.submit(flood.write, SUBMITTED, 1300)
        wait_for(lambda: flood.delayed > 0, 30, lambda: "the flood is not delayed")
        seconds = calm.write(SUBMITTED, 50)
        was_flooding = not flooding.done()
        flooding.result()
    for name in logins:
        call(parts, "station", "revoke", name)

    assert was_flooding
    assert calm.delayed == 0
    assert seconds < flood.delayed


def test_up_gives_every_known_sender_the_quota_of_the_settings(
    parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("COPYSTAND_HOME", str(parts.home))
    call(parts, "station", "add", "calm", "--into", tmp_path / "calm.json")
    calm = Flood(Brokers(parts.kafka.servers, read_login(tmp_path / "calm.json")))
    calm.write(SUBMITTED, 130)
    before = calm.delayed

    monkeypatch.setenv("COPYSTAND_SENDER_PRODUCE_MB", "0.01")
    provision_quotas(parts.kafka, parts.home)
    calm.write(SUBMITTED, 30)
    monkeypatch.undo()
    provision_quotas(parts.kafka, parts.home)
    call(parts, "station", "revoke", "calm")

    assert before == 0
    assert calm.delayed > 0


@pytest.mark.parametrize("added", ["station"], indirect=True)
def test_a_station_writes_submissions_until_it_is_revoked_also_on_an_open_connection(
    parts: Parts, added: Brokers
):
    connection = OpenConnection(added)
    # Too large: a broker that refuses it for its size has found the permission to write.
    before = connection.write(SUBMITTED)
    others = permissions.write(added, dict.fromkeys((PUBLISHED, RECEIVED), b"forged"))

    revoked = call(parts, "station", "revoke", "reading-room")
    after = connection.write(SUBMITTED)
    renewed = permissions.write(added, {SUBMITTED: b"again"}, timeout_ms=3000)

    assert before == "MSG_SIZE_TOO_LARGE"
    assert others == dict.fromkeys((PUBLISHED, RECEIVED), permissions.REFUSED)
    assert revoked.exit_code == 0, revoked.output
    assert after == permissions.REFUSED
    assert renewed[SUBMITTED] in ("_MSG_TIMED_OUT", "_TRANSPORT", "_AUTHENTICATION")


@pytest.mark.parametrize("added", ["repository"], indirect=True)
def test_a_repository_reads_packages_in_groups_of_its_name_and_answers(
    parts: Parts, added: Brokers
):
    assert permissions.join(added, "reading-room", PUBLISHED) == ""
    assert permissions.join(added, "reading-room.tests", PUBLISHED) == ""
    assert permissions.join(added, "reading-room-2", PUBLISHED) == "GROUP_AUTHORIZATION_FAILED"
    assert permissions.write(added, {RECEIVED: permissions.TOO_LARGE, SUBMITTED: b"x"}) == {
        RECEIVED: "MSG_SIZE_TOO_LARGE",
        SUBMITTED: permissions.REFUSED,
    }


@pytest.mark.parametrize("added", ["station"], indirect=True)
def test_a_name_is_given_once(parts: Parts, added: Brokers, tmp_path: Path):
    again = call(parts, "station", "add", "reading-room", "--into", tmp_path / "other.json")

    assert again.exit_code == 1
    assert "the station reading-room exists" in again.stderr
    assert "copystand station revoke reading-room" in again.stderr
    assert not (tmp_path / "other.json").exists()


def test_a_login_that_cannot_be_written_is_not_left_behind(parts: Parts, tmp_path: Path):
    (tmp_path / "file").write_text("")
    words = ("station", "add", "lab", "--into")

    refused = call(parts, *words, tmp_path / "file" / "login.json")
    added = call(parts, *words, tmp_path / "login.json")

    assert (refused.exit_code, added.exit_code) == (2, 0), (refused.output, added.output)
    assert call(parts, "station", "revoke", "lab").exit_code == 0


@pytest.mark.parametrize("name", ["", "Reading", "a/b", "x" * 41, "-a", "a b"])
def test_an_impossible_name_is_refused(parts: Parts, name: str):
    assert call(parts, "repository", "add", "--", name).exit_code == 2


def test_an_unknown_name_cannot_be_revoked(parts: Parts):
    result = call(parts, "repository", "revoke", "nowhere")

    assert result.exit_code == 1
    assert "there is no repository nowhere" in result.stderr
