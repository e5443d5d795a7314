"""The sealer's key is replaced in steps; a crash after any of them leaves a log that goes on."""

from pathlib import Path

import pytest

from streams.runtime.run_loop import CannotContinue
from streams.sealer.checkpoints import Checkpoints
from streams.sealer.signing import KEY_FILE, NEXT_KEY_FILE, SigningKeys, open_checkpoints
from streams.transparency_log import verifier
from streams.transparency_log.export import export_all
from streams.transparency_log.log_keys import create_private_key, read_public_keys
from streams.transparency_log.log_store import LogStore
from tests.support.transparency_logs import SCHEMAS, a_leaf


class NoTopic:
    """Checkpoints are not published."""

    def publish(self, size: int, checkpoint: bytes, proofs: bytes) -> None:
        pass

    def close(self) -> None:
        pass


class Home:
    """A home with a log, without Kafka."""

    def __init__(self, path: Path) -> None:
        self.path, self.log = path, path / "audit" / "log"
        self.store = LogStore(self.log)

    def open(self) -> Checkpoints:
        """What a sealer does when it starts."""
        return open_checkpoints(self.path, NoTopic())

    def seal(self, checkpoints: Checkpoints, count: int) -> None:
        self.store.append([a_leaf(self.store.size + number) for number in range(count)])
        checkpoints.sign_if_due(self.store, now=True)

    def keys(self) -> list[str]:
        return [str(one.key) for one in read_public_keys(self.log)]

    def exported(self, folder: Path) -> verifier.Result:
        export_all(self.log, folder, SCHEMAS.__getitem__)
        return verifier.check_log(folder, [], [], verifier.openssl)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def hand_over(home: Home, checkpoints: Checkpoints) -> None:
    """The step that decides: the present key names the next one. The sealer ends after it."""
    checkpoints.hand_over(home.store, SigningKeys(home.path).following(checkpoints.name))


def test_a_crash_after_the_last_checkpoint_of_a_key_is_completed_at_the_next_start(
    home: Home, tmp_path: Path
):
    first = home.open()
    home.seal(first, 5)
    hand_over(home, first)
    assert len(home.keys()) == 1

    second = home.open()
    home.seal(second, 5)

    assert home.keys() == [home.keys()[0], second.key]
    assert not (home.path / "run" / NEXT_KEY_FILE).exists()
    assert home.exported(tmp_path / "export").ok


def test_a_crash_before_the_new_key_has_its_name_is_completed_at_the_next_start(home: Home):
    first = home.open()
    home.seal(first, 5)
    hand_over(home, first)
    following = (home.path / "run" / NEXT_KEY_FILE).read_bytes()
    SigningKeys(home.path).complete(first.newest)  # type: ignore[arg-type]
    (home.path / "run" / KEY_FILE).rename(home.path / "run" / NEXT_KEY_FILE)

    second = home.open()

    assert home.keys()[1] == second.key
    assert (home.path / "run" / KEY_FILE).read_bytes() == following


def test_a_key_that_was_made_and_not_named_yet_is_the_one_that_is_named(home: Home):
    first = home.open()
    home.seal(first, 5)
    made = SigningKeys(home.path).following(first.name)

    again = home.open()
    home.seal(again, 1)

    assert again.key == first.key
    assert SigningKeys(home.path).following(first.name) == made


def test_keys_are_replaced_many_times(home: Home, tmp_path: Path):
    checkpoints = home.open()
    for _ in range(5):
        home.seal(checkpoints, 300)
        hand_over(home, checkpoints)
        SigningKeys(home.path).complete(checkpoints.newest)  # type: ignore[arg-type]
    home.seal(checkpoints, 1)

    assert len(set(home.keys())) == 6
    assert home.keys()[-1] == home.open().key
    assert home.exported(tmp_path / "export").ok


def test_a_list_of_keys_that_is_missing_is_written_again_while_there_was_one_key(home: Home):
    home.seal(home.open(), 5)
    before = home.keys()
    (home.log / "keys.json").unlink()

    home.open()

    assert home.keys() == before


@pytest.mark.parametrize("rotated", [False, True])
def test_a_foreign_key_and_a_missing_list_after_a_change_of_keys_are_refused(
    home: Home, rotated: bool
):
    checkpoints = home.open()
    home.seal(checkpoints, 5)
    if rotated:
        hand_over(home, checkpoints)
        SigningKeys(home.path).complete(checkpoints.newest)  # type: ignore[arg-type]
        (home.log / "keys.json").unlink()
    else:
        (home.path / "run" / KEY_FILE).unlink()
        create_private_key(home.path / "run" / KEY_FILE, "copystand/forged")

    with pytest.raises(CannotContinue, match="Nothing is sealed"):
        home.open()
