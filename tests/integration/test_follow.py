"""A repository that follows the packages: real Kafka, a local store, a crash at each point."""

import itertools
import json
import os
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from confluent_kafka import Consumer, TopicPartition

from infra.topics import admin, end_offsets, lag, provision
from processors.tools import Tools
from schemas import ids
from schemas.catalogue import key_of, topic_of
from schemas.codec import decode, encode
from schemas.models import PackagePublished, PackageReceived
from streams.cli.main import cli
from streams.clients.repository import follow as client
from streams.clients.repository.answers import (
    NotSent,
    Sender,
    Spool,
    SpoolBusy,
    send_answer,
    spool_path,
)
from streams.clients.repository.follow import Package, Refuse, follow
from streams.clients.repository.subscription import Subscription
from streams.kafka.messages import Outgoing
from streams.kafka.producer import KafkaPublisher
from streams.settings import Settings
from streams.storage.local import LocalStorage
from tests.support.builders import a_head
from tests.support.package_builders import a_completed_item, published
from tests.support.parts import Parts

NUMBERS = itertools.count(1)
SECONDS = 40
PUBLISHED, RECEIVED = topic_of("PackagePublished").name, topic_of("PackageReceived").name
HOW_TO = Path(__file__).parents[2] / "docs" / "how-to" / "receive-packages.md"


class Repository:
    """A consumer group, and the answers that it sent."""

    def __init__(self, parts: Parts, tmp_path: Path) -> None:
        self.parts, self.group = parts, f"archive-{next(NUMBERS)}"
        self.into = tmp_path / "in"
        self.taken: list[Package] = []
        self.settings = Settings(
            home=parts.home, pool_size=1, worker_id="w", kafka_brokers=str(parts.kafka)
        )
        self._tools = Tools(storage=LocalStorage(parts.home), scratch=tmp_path)
        provision(parts.kafka, (), {self.group: [PUBLISHED]}, fresh=False)
        self._from = self._ends()

    def publish(self, count: int = 1, keys: Sequence[str | None] = ()) -> list[PackagePublished]:
        """Publish assembled packages, as the line does, the first ones with other keys."""
        facts = [self._made(next(NUMBERS)) for _ in range(count)]
        for at, key in enumerate(keys):
            facts[at] = facts[at].model_copy(update={"key": key or facts[at].key})
        publisher = KafkaPublisher(self.parts.kafka)
        publisher.publish([Outgoing(PUBLISHED, key_of(fact), encode(fact)) for fact in facts])
        publisher.close()
        return facts

    def follow(self, limit: int = 1, **options: Any) -> list[client.PackageOutcome]:
        """Follow as a member of the group until `limit` packages were processed."""
        handler = options.pop("handler", self.taken.append)
        wanted = {"into": self.into, "limit": limit, "timeout_seconds": SECONDS} | options
        return follow(self.settings, self.group, handler, **wanted)

    def catch_up(self, **options: Any) -> None:
        """Follow until the group has no lag."""
        stop, deadline = threading.Event(), time.monotonic() + SECONDS
        wanted = {"limit": None, "stop": stop} | options
        member = threading.Thread(target=lambda: self.follow(**wanted))
        member.start()
        while (left := lag(admin(self.parts.kafka), self.group, [PUBLISHED])) and member.is_alive():
            assert time.monotonic() < deadline, f"{left} packages are left"
            time.sleep(0.1)
        stop.set()
        member.join()

    def answers(self) -> list[PackageReceived]:
        """The messages on package.received since this repository started."""
        consumer = Consumer({**self.parts.kafka.client, "group.id": "answers"})
        ends, found = self._ends(), []
        consumer.assign([TopicPartition(*at, offset) for at, offset in self._from.items()])
        while len(found) < sum(ends.values()) - sum(self._from.values()):
            message = consumer.poll(SECONDS)
            assert message is not None, "an answer cannot be read"
            found.append(decode(message.value(), PackageReceived))
        consumer.close()
        return [fact for fact in found if isinstance(fact, PackageReceived)]

    def verdicts(self) -> list[tuple[str, bool]]:
        """Package and verdict of each answer."""
        return sorted((fact.package_id, fact.accepted) for fact in self.answers())

    def tamper(self, fact: PackagePublished) -> None:
        """Change a byte of the tar in the store."""
        tar = self.parts.home / fact.key
        tar.write_bytes(tar.read_bytes().replace(b"text 0001", b"text 0007"))

    def _made(self, revision: int) -> PackagePublished:
        fact = published(a_completed_item(self._tools, revision=revision), self._tools)
        event_id = ids.make_id("published", self.group, revision)
        return fact.model_copy(
            update={"head": a_head(event_id=event_id, page_id=None, revision=revision)}
        )

    def _ends(self) -> dict[tuple[str, int], int]:
        return end_offsets(admin(self.parts.kafka), [(RECEIVED, at) for at in range(12)])


@pytest.fixture
def repository(parts: Parts, tmp_path: Path) -> Repository:
    return Repository(parts, tmp_path)


class Crash(Exception):
    """Simulates the end of the process."""


def crash(*_: Any) -> None:
    raise Crash


def test_a_package_is_verified_unpacked_handed_over_and_accepted(repository: Repository):
    (fact,) = repository.publish()

    (outcome,) = repository.follow()

    (package,) = repository.taken
    (answer,) = repository.answers()
    assert outcome.accepted is True
    assert package.path == repository.into / fact.package_id
    assert (package.path / "data/text/vol-1_0001.txt").read_bytes() == b"text 0001"
    assert (answer.package_id, answer.accepted) == (fact.package_id, True)
    assert (answer.repository, answer.head.cause_id) == (repository.group, fact.head.event_id)
    assert (answer.head.batch_id, answer.head.item_id) == ("b-1", "vol-1")


def test_a_package_that_was_tampered_with_is_refused_and_the_next_is_taken(repository: Repository):
    bad, good = repository.publish(2)
    repository.tamper(bad)

    outcomes = repository.follow(limit=2)

    refused = next(one for one in outcomes if one.package.package_id == bad.package_id)
    assert refused.reason.startswith("package.differs: ")
    assert repository.verdicts() == sorted([(bad.package_id, False), (good.package_id, True)])
    assert [package.package_id for package in repository.taken] == [good.package_id]
    assert [path.name for path in repository.into.iterdir()] == [good.package_id]


def test_a_package_that_is_not_in_the_store_is_refused(repository: Repository):
    (fact,) = repository.publish()
    (repository.parts.home / fact.key).unlink()

    (outcome,) = repository.follow(into=None)

    assert outcome.reason.startswith("package.not-in-store: ")
    assert repository.verdicts() == [(fact.package_id, False)]


def test_a_package_whose_key_names_no_object_is_refused_and_the_next_is_taken(
    repository: Repository,
):
    bad, good = repository.publish(2, keys=("../../etc/passwd", None))

    repository.follow(limit=2)

    assert repository.verdicts() == sorted([(bad.package_id, False), (good.package_id, True)])
    refused = next(one for one in repository.answers() if not one.accepted)
    assert (refused.reason or "").startswith("package.key-malformed: ")


def test_a_handler_refuses_with_its_own_reason(repository: Repository):
    repository.publish()

    def no(package: Package) -> None:
        raise Refuse("no embargo date")

    repository.follow(handler=no)

    (answer,) = repository.answers()
    assert (answer.accepted, answer.reason) == (False, "no embargo date")


def test_a_crash_between_answer_and_commit_causes_no_second_answer(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
):
    (first,) = repository.publish()
    with monkeypatch.context() as patched:
        patched.setattr(Subscription, "commit", crash)
        with pytest.raises(Crash):
            repository.follow()
    (second,) = repository.publish()

    repository.catch_up()

    assert [one.package_id for one in repository.taken] == [first.package_id, second.package_id]
    assert repository.verdicts() == sorted([(first.package_id, True), (second.package_id, True)])


def test_after_a_crash_before_sending_the_spooled_answer_is_sent(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
):
    (fact,) = repository.publish()
    with monkeypatch.context() as patched:
        patched.setattr(Sender, "send", crash)
        with pytest.raises(Crash):
            repository.follow()
    spool = Spool(spool_path(repository.settings, repository.group))
    kept = spool.find(fact.head.event_id)
    spool.close()

    repository.catch_up()

    (answer,) = repository.answers()
    assert kept is not None and not kept.sent
    assert answer.head.event_id == kept.event_id
    assert [one.package_id for one in repository.taken] == [fact.package_id]


def test_after_a_crash_of_the_handler_it_gets_the_same_package_again(repository: Repository):
    (fact,) = repository.publish()
    with pytest.raises(Crash):
        repository.follow(handler=crash)

    repository.follow()

    assert [one.package_id for one in repository.taken] == [fact.package_id]
    assert repository.verdicts() == [(fact.package_id, True)]


def test_another_folder_of_that_name_ends_it_without_an_answer(repository: Repository):
    (fact,) = repository.publish()
    (repository.into / fact.package_id).mkdir(parents=True)

    with pytest.raises(client.FolderConflict):
        repository.follow()

    assert repository.answers() == []


def test_a_second_follower_of_the_same_group_is_refused(repository: Repository):
    spool = Spool(spool_path(repository.settings, repository.group))

    with pytest.raises(SpoolBusy):
        repository.follow(timeout_seconds=1)

    spool.close()


def test_the_follower_waits_for_a_broker_that_is_down(repository: Repository):
    (fact,) = repository.publish()
    waits: list[str] = []
    away = threading.Event()

    def start_the_broker(text: str) -> None:
        waits.append(text)
        if not away.is_set():
            away.set()
            repository.parts.broker.start()

    repository.parts.broker.stop()
    try:
        (outcome,) = repository.follow(on_wait=start_the_broker, timeout_seconds=120)
    finally:
        if not away.is_set():
            repository.parts.broker.start()

    assert waits
    assert (outcome.package.package_id, outcome.accepted) == (fact.package_id, True)
    assert repository.verdicts() == [(fact.package_id, True)]


def test_a_new_group_starts_at_the_beginning_unless_it_starts_now(repository: Repository):
    (before,) = repository.publish()
    name = repository.group
    repository.group = f"{name}.now"
    repository.follow(limit=None, timeout_seconds=3, since_now=True)
    assert repository.taken == []
    repository.group = f"{name}.all"

    repository.catch_up(into=None)

    assert before.package_id in [one.package_id for one in repository.taken]
    assert before.package_id in [id for id, _ in repository.verdicts()]
    assert all(one.path is None for one in repository.taken)


@pytest.mark.parametrize("group", ["copystand.tracker", "", "a b", "../x"])
def test_an_invalid_group_name_is_refused(repository: Repository, group: str):
    with pytest.raises(ValueError, match="not a valid group name"):
        follow(repository.settings, group, repository.taken.append)


def test_the_example_of_the_how_to_runs(repository: Repository, monkeypatch: pytest.MonkeyPatch):
    facts = repository.publish(2)
    repository.tamper(facts[1])
    script = HOW_TO.read_text("utf-8").split("```python\n")[1].split("```")[0]
    script = script.replace('"archive"', f'"{repository.group}"')
    script = script.replace('Path("in")', f'Path("{repository.into}")')
    script = script.replace("stop=stop", f"stop=stop, limit=2, timeout_seconds={SECONDS}")
    for name, value in environment(repository).items():
        monkeypatch.setenv(name, value)

    exec(compile(script, str(HOW_TO), "exec"), {})

    refused, accepted = facts[1].package_id, facts[0].package_id
    assert repository.verdicts() == sorted([(accepted, True), (refused, False)])


def environment(repository: Repository) -> dict[str, str]:
    """The environment of a command."""
    return {
        "COPYSTAND_HOME": str(repository.parts.home),
        "KAFKA_BROKERS": str(repository.parts.kafka),
    }


def call(repository: Repository, *words: str) -> Result:
    arguments = [
        "packages",
        "follow",
        "--group",
        repository.group,
        "--timeout",
        str(SECONDS),
        *words,
    ]
    return CliRunner().invoke(cli, arguments, env=environment(repository))


def test_the_command_gives_one_document_with_the_keys_of_the_contract(repository: Repository):
    facts = repository.publish(2)
    repository.tamper(facts[1])

    result = call(repository, "--into", str(repository.into), "--limit", "2", "--json")

    rows = {row["package_id"]: row for row in json.loads(result.stdout)}
    contract = (
        "package_id batch_id item_id revision key sha256 size_bytes content_digest published_at"
    )
    assert result.exit_code == 1
    assert set(contract.split()) <= set(rows[facts[0].package_id])
    assert [rows[fact.package_id]["state"] for fact in facts] == ["accepted", "refused"]
    assert rows[facts[0].package_id]["path"] == str(repository.into / facts[0].package_id)
    assert rows[facts[0].package_id]["published_at"].endswith("Z")


def test_the_command_only_prints_packages_without_accept(repository: Repository):
    (fact,) = repository.publish()

    result = call(repository, "--limit", "1")

    assert result.exit_code == 0, result.output
    assert f"verified {fact.package_id}" in result.stdout
    assert repository.answers() == []


def test_the_command_exits_with_4_after_too_few_packages(repository: Repository):
    arguments = ("--limit", "1", "--timeout", "1", "--json")

    result = call(repository, *arguments)

    assert (result.exit_code, json.loads(result.stdout)) == (4, [])


@pytest.fixture
def row(repository: Repository) -> Iterator[dict[str, Any]]:
    """A package as the line shows it."""
    (fact,) = repository.publish()
    named = {"package_id", "item_id", "revision"}
    yield fact.model_dump(include=named) | {"batch_id": "b-1"}
    os.unlink(spool_path(repository.settings, "_receive"))


def test_a_manual_answer_is_sent_once(repository: Repository, row: dict[str, Any]):
    sent = [send_answer(repository.settings, row, "paper", True, "fine", []) for _ in range(2)]

    (answer,) = repository.answers()
    assert sent == [True, False]
    assert (answer.repository, answer.reason, answer.head.item_id) == ("paper", "fine", "vol-1")


def test_a_manual_answer_that_was_not_sent_is_sent_with_the_same_id(
    repository: Repository, row: dict[str, Any]
):
    arguments = (row, "paper", False, "no embargo date", [])
    with pytest.raises(NotSent):
        send_answer(repository.settings, *arguments, timeout_seconds=-1)
    spool = Spool(spool_path(repository.settings, "_receive"))
    kept = spool.find(f"{row['package_id']} paper")
    spool.close()

    assert send_answer(repository.settings, *arguments)

    assert kept is not None
    assert {answer.head.event_id for answer in repository.answers()} == {kept.event_id}
