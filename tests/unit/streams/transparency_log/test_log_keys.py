"""Keys of a log: the private one is for its owner alone, the public ones are listed in order."""

from pathlib import Path

import pytest

from infra.files import DamagedFile
from streams.transparency_log.log_keys import (
    PublicKey,
    create_private_key,
    keys_after,
    read_private_key,
    read_public_keys,
    write_public_keys,
)
from tests.support.transparency_logs import FIRST_KEY, ORIGIN, SECOND_KEY, Sealed


def test_a_private_key_is_created_once_with_mode_0600(tmp_path: Path):
    path = tmp_path / "secrets" / "log.key"

    first, again = create_private_key(path, ORIGIN), create_private_key(path, ORIGIN)

    assert first == again == read_private_key(path, ORIGIN)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["log.key"]
    assert create_private_key(tmp_path / "other.key", ORIGIN) != first


def test_a_damaged_private_key_is_reported(tmp_path: Path):
    (tmp_path / "log.key").write_bytes(bytes(31))

    with pytest.raises(DamagedFile, match="has 31 bytes, a signing key has 32"):
        create_private_key(tmp_path / "log.key", ORIGIN)
    with pytest.raises(FileNotFoundError):
        read_private_key(tmp_path / "none.key", ORIGIN)


def test_public_keys_are_read_as_they_were_written(tmp_path: Path):
    keys = [PublicKey(FIRST_KEY.verifier, 0), PublicKey(SECOND_KEY.verifier, 300)]

    write_public_keys(tmp_path, keys)

    assert read_public_keys(tmp_path) == keys
    assert read_public_keys(tmp_path / "none") == []


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"keys": [{"vkey": "x"}]}', '{"keys": [1]}'])
def test_a_damaged_list_of_public_keys_is_reported(content: str, tmp_path: Path):
    (tmp_path / "keys.json").write_text(content)

    with pytest.raises(DamagedFile):
        read_public_keys(tmp_path)


def test_a_checkpoint_that_hands_over_adds_the_next_key_once(tmp_path: Path):
    log = Sealed(tmp_path)
    log.seal(5)
    keys = list(log.keys)
    log.rotate(SECOND_KEY)
    last = log.checkpoints.newest

    after = keys_after(keys, last)

    assert after == [*keys, PublicKey(SECOND_KEY.verifier, 5)] == keys_after(after, last)
