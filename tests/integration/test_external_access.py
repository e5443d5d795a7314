"""Logins of stations and repositories: made by one command, and revoked by one."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from confluent_kafka import KafkaError, Producer

from infra.kafka_access import Brokers, read_login
from schemas.catalogue import topic_of
from streams.cli.main import cli
from tests.support import permissions
from tests.support.parts import Parts

SUBMITTED = topic_of("BatchSubmitted").name
PUBLISHED, RECEIVED = topic_of("PackagePublished").name, topic_of("PackageReceived").name


def call(parts: Parts, *words: str | Path) -> Result:
    environment = {"COPYSTAND_HOME": str(parts.home)}
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
