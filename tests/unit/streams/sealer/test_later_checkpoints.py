"""A home that is older than its log is found by the checkpoints that its key has signed."""

import shutil
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from streams.sealer.later_checkpoints import HomeIsOlder, LaterCheckpoints
from streams.transparency_log.checkpoint import Checkpoint, sign
from streams.transparency_log.checkpoint_files import publish
from streams.transparency_log.log_keys import PublicKey, write_public_keys
from streams.transparency_log.note import SignerKey
from tests.support.kafka_records import TopicConsumer
from tests.support.transparency_logs import FIRST_KEY, ORIGIN, SECOND_KEY, Sealed

THIRD_KEY = SignerKey(ORIGIN, bytes(range(2, 34)))
BOTH_KEYS = [PublicKey(FIRST_KEY.verifier, 0), PublicKey(SECOND_KEY.verifier, 15)]


class Home:
    """A log with its topic of checkpoints."""

    def __init__(self, folder: Path) -> None:
        self.sealed = Sealed(folder)
        self.topic: list[bytes | None] = []

    def seal(self, count: int, times: int = 1) -> None:
        for _ in range(times):
            self.sealed.seal(count)
            self.topic.append(self.newest.encode())

    @property
    def newest(self) -> Checkpoint:
        newest = self.sealed.checkpoints.newest
        assert newest is not None
        return newest

    def hand_over(self, old: SignerKey, new: SignerKey) -> None:
        publish(self.sealed.store, self.sealed.checkpoints, old, new)
        self.topic.append(self.newest.encode())

    def backup(self, folder: Path) -> "Home":
        """What this home has now, in another folder; the topic goes on for both."""
        copied = Home.__new__(Home)
        self.sealed.store.close()
        shutil.copytree(self.sealed.folder, folder)
        self.sealed = Sealed(self.sealed.folder)
        copied.sealed, copied.topic = Sealed(folder), self.topic
        return copied


def check(home: Home, topic: Sequence[bytes | None] | None = None, low: int = 0) -> int:
    """Check a home; how many records were read."""
    consumer: Any = TopicConsumer(home.topic if topic is None else topic, low)
    LaterCheckpoints(lambda: consumer, "checkpoints", threading.Event()).check(
        home.sealed.store, home.newest
    )
    return int(consumer.read)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    made.seal(5, times=3)
    return made


def test_a_home_with_the_newest_checkpoint_reads_a_few_records_only(home: Home):
    home.seal(1, times=300)

    assert check(home) == 64


def test_a_home_from_a_backup_that_took_the_events_since_may_go_on(home: Home, tmp_path: Path):
    backup = home.backup(tmp_path / "backup")
    home.seal(5, times=100)
    backup.sealed.store.append(list(home.sealed.store.leaves(backup.newest.size)))

    assert check(backup) > 64


def test_a_key_that_has_named_the_next_one_is_retired(home: Home, tmp_path: Path):
    backup = home.backup(tmp_path / "backup")
    home.hand_over(FIRST_KEY, SECOND_KEY)
    # From here on the next key signs, which the backup does not know.
    later = sign(Checkpoint(ORIGIN, 99, bytes(32)), SECOND_KEY).encode()
    home.topic += [later] * 700

    with pytest.raises(HomeIsOlder) as older:
        check(backup)

    assert f"which names {SECOND_KEY.verifier} as the next key" in str(older.value)
    assert "has a checkpoint of 15 events" in str(older.value)


def test_the_key_that_was_named_may_sign(home: Home):
    home.hand_over(FIRST_KEY, SECOND_KEY)
    write_public_keys(home.sealed.folder, BOTH_KEYS)

    check(home)


def test_events_that_were_signed_and_are_nowhere_are_missed(home: Home, tmp_path: Path):
    backup = home.backup(tmp_path / "backup")
    home.seal(5)

    with pytest.raises(HomeIsOlder, match=r"a checkpoint of 20 events, .* events end at 15"):
        check(backup)


def test_other_events_with_the_same_numbers_are_found(home: Home, tmp_path: Path):
    backup = home.backup(tmp_path / "backup")
    home.seal(5)
    backup.sealed.seal(9, b"another detail")
    newest = backup.newest
    # As if the newest checkpoint were still that of the backup.
    backup.sealed.checkpoints.newest = home.sealed.checkpoints.last(4)[0]

    with pytest.raises(HomeIsOlder, match="and audit/log has other events"):
        check(backup)
    assert newest.size == 24


def test_a_home_from_a_backup_of_before_the_first_checkpoint_is_older_too(
    home: Home, tmp_path: Path
):
    empty = Sealed(tmp_path / "empty")
    consumer: Any = TopicConsumer(home.topic)
    later = LaterCheckpoints(lambda: consumer, "checkpoints", threading.Event())

    with pytest.raises(HomeIsOlder, match="events end at 0"):
        later.check(empty.store, None)


def test_what_others_wrote_is_passed_over(home: Home):
    by_another = sign(Checkpoint(ORIGIN, 99, bytes(32)), THIRD_KEY).encode()
    elsewhere = SignerKey("copystand/elsewhere/audit", FIRST_KEY.seed)
    of_another = sign(Checkpoint(elsewhere.name, 99, bytes(32)), elsewhere).encode()

    check(home, [*home.topic, by_another, of_another, b"", None, b"no checkpoint"])


def test_a_retired_key_cannot_stop_the_log(home: Home):
    home.hand_over(FIRST_KEY, SECOND_KEY)
    write_public_keys(home.sealed.folder, BOTH_KEYS)
    by_a_thief = sign(Checkpoint(ORIGIN, 99, bytes(32)), FIRST_KEY).encode()

    check(home, [*home.topic, by_a_thief])


@pytest.mark.parametrize("left", [0, 2])
def test_a_topic_without_the_checkpoints_shows_nothing(home: Home, left: int):
    topic = home.topic[: len(home.topic) - left]

    check(home, topic, low=len(topic))
