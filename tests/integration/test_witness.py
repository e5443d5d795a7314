"""A witness with a login and the brokers' address, and nothing else of the line."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from infra.kafka_access import Brokers, read_login
from schemas.catalogue import AUDIT_CHECKPOINTS, TOPICS
from streams.cli.main import cli
from streams.sealer.signing import CONTINUATION
from streams.transparency_log.checkpoint import parse_checkpoint
from streams.transparency_log.continuation import continuations
from streams.transparency_log.export import newest_checkpoint, static_tiles
from streams.transparency_log.log_keys import read_private_key, read_public_keys
from streams.transparency_log.tiles import Tree
from streams.verification.sealed_comparison import records
from tests.faults.tampering.with_the_key import edited, sealed_again, write_log
from tests.support import permissions
from tests.support.audit_log import Log, a_log, deliveries
from tests.support.parts import Parts

TOPIC = AUDIT_CHECKPOINTS.name


@dataclass(frozen=True)
class Watched:
    """A line whose checkpoints are on the topic of checkpoints, and a witness of it."""

    log: Log
    login: Path
    state: Path

    @property
    def folder(self) -> Path:
        return self.log.home / "audit" / "log"

    @property
    def size(self) -> int:
        return newest_checkpoint(self.folder).size

    def seal(self, first: int, count: int) -> None:
        self.log.deliver(deliveries(count, first=first))
        with self.log.sealer() as sealer:
            self.log.wait_for(first + count)
            sealer.terminate()
            assert sealer.wait(15) == 0

    def look(self, *options: str, code: int = 0) -> Result:
        """What the command answers on a machine without a home."""
        place = f"kafka://{self.log.parts.kafka.servers}"
        words = ["audit", "witness", place, "--state", str(self.state), *options]
        words += ["--credentials", str(self.login), "--json"]
        home = {"COPYSTAND_HOME": str(self.state.parent / "no-home")}
        result = CliRunner().invoke(cli, words, env=home)
        assert result.exit_code == code, result.output
        return result

    def seen(self, *options: str) -> tuple[int, bool]:
        """Size of the newest checkpoint, and whether it is the first one."""
        document = json.loads(self.look(*options).stdout)
        return document["size"], document["first"]

    def publish(self, content: bytes, proofs: bytes = b"") -> None:
        """As whoever has a login that may write the topic, and perhaps the key of the log."""
        producer = Producer(self.log.parts.kafka.client)
        producer.produce(TOPIC, content, b"1", partition=0, headers=[(CONTINUATION, proofs)])
        assert producer.flush(20) == 0


@pytest.fixture
def watched(parts: Parts, tmp_path: Path) -> Watched:
    log = a_log(parts, tmp_path / "home")
    login = tmp_path / "witness.json"
    words = ["witness", "add", f"of-{log.line.intake[-8:]}", "--into", str(login), "--json"]
    result = CliRunner().invoke(cli, words, env={"COPYSTAND_HOME": str(parts.home)})
    assert result.exit_code == 0, result.output
    assert set(json.loads(login.read_text())) == {"user", "password", "mechanism"}
    line = replace(log.line, checkpoints=TOPIC)
    return Watched(replace(log, line=line), login, tmp_path / "state")


def test_a_witness_follows_the_checkpoints_on_the_topic_and_reports_a_rewritten_log(
    watched: Watched, tmp_path: Path
):
    watched.seal(0, 300)
    (key,) = read_public_keys(watched.folder)
    assert "--key" in watched.look(code=2).stderr
    assert watched.seen("--key", str(key.key)) == (300, True)

    earlier = newest_checkpoint(watched.folder).encode()
    watched.seal(300, 40)
    watched.publish(earlier)  # repeated by an administrator, who cannot sign
    watched.publish(b"no checkpoint")
    assert watched.seen() == (340, False)
    assert watched.seen() == (340, False)
    held = (watched.state / "checkpoint").read_bytes()

    rewritten = list(records(Tree(static_tiles(watched.folder), 340)))
    rewritten[7] = edited(rewritten[7])
    signer = read_private_key(watched.log.home / "run" / "sealer.key", key.key.name)
    write_log(tmp_path / "rewritten", sealed_again([*rewritten, *rewritten[:1]]), signer)
    newest = newest_checkpoint(tmp_path / "rewritten")
    tree = Tree(static_tiles(tmp_path / "rewritten"), newest.size)
    watched.publish(newest.encode(), continuations(tree, [300, 340]))
    answer = watched.look(code=1)

    assert "has no proof that it continues that of 340" in " ".join(answer.stderr.split())
    (evidence,) = watched.state.glob("evidence-*")
    assert (evidence / "held").read_bytes() == held
    assert parse_checkpoint((evidence / "offered").read_bytes()) == newest
    assert (watched.state / "checkpoint").read_bytes() == held


def test_a_witness_continues_when_its_place_on_the_topic_is_gone(watched: Watched):
    watched.seal(0, 20)
    key = str(read_public_keys(watched.folder)[0].key)
    watched.seen("--key", key)
    place = watched.state / "topic.json"
    found = json.loads(place.read_text())
    for content in ("", json.dumps(found | {"offset": 0}), json.dumps(found | {"offset": 10**9})):
        place.write_text(content)

        assert watched.seen() == (20, False)

    watched.seal(20, 1)
    assert watched.seen() == (21, False)


def test_the_login_of_a_witness_reads_checkpoints_and_nothing_else_until_it_is_revoked(
    watched: Watched, parts: Parts
):
    login = read_login(watched.login)
    client = AdminClient(Brokers(parts.kafka.servers, login).client)
    words = ["witness", "revoke", login.user.removeprefix("witness-")]

    found = permissions.in_force(client, [topic.name for topic in TOPICS])
    revoked = [
        CliRunner().invoke(cli, words, env={"COPYSTAND_HOME": str(parts.home)}).exit_code
        for _ in range(2)
    ]

    assert found.pop(TOPIC) == {"read", "describe"}
    assert {name for name, operations in found.items() if operations} == set()
    assert revoked == [0, 1]
