"""Credentials on a cluster without access control: signing keys alone, made and revoked."""

import json
from pathlib import Path

import pytest

from infra.kafka_access import Brokers, Quota
from streams import external_access
from streams.external_access import AlreadyThere, NotThere
from streams.kafka.client import REPOSITORY, STATION
from streams.known_senders import KnownSenders
from streams.signatures import read_key

OPEN, QUOTA = Brokers("there:9092"), Quota(1, 1, 1)


@pytest.fixture
def senders(tmp_path: Path) -> KnownSenders:
    return KnownSenders(tmp_path)


def test_a_sender_gets_a_key_and_no_login(senders: KnownSenders, tmp_path: Path):
    file = tmp_path / "logins" / "lab.json"

    user = external_access.add(OPEN, senders, QUOTA, "station", "lab", file)

    known = senders.find(read_key(file).key_id)
    assert known is not None
    assert (user, known.sender) == ("station-lab", "station-lab")
    assert json.loads(file.read_text()).keys() == {
        *("user", "key_id", "signing_key", "upload_token")
    }
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_name_is_given_once_until_it_is_revoked(senders: KnownSenders, tmp_path: Path):
    first, second = tmp_path / "1.json", tmp_path / "2.json"
    external_access.add(OPEN, senders, QUOTA, "station", "lab", first)

    with pytest.raises(AlreadyThere, match="the station lab exists"):
        external_access.add(OPEN, senders, QUOTA, "station", "lab", second)
    external_access.revoke(OPEN, senders, "station", "lab")
    external_access.add(OPEN, senders, QUOTA, "station", "lab", second)

    keys = [senders.find(read_key(file).key_id) for file in (first, second)]
    assert [key is not None and key.revoked_at is not None for key in keys] == [True, False]


def test_a_file_that_cannot_be_written_leaves_no_valid_key(senders: KnownSenders, tmp_path: Path):
    (tmp_path / "file").write_text("")

    with pytest.raises(OSError):
        external_access.add(OPEN, senders, QUOTA, "station", "lab", tmp_path / "file" / "lab.json")

    assert senders.names((STATION, REPOSITORY)) == []


def test_an_unknown_sender_cannot_be_revoked(senders: KnownSenders):
    with pytest.raises(NotThere, match="there is no repository lab"):
        external_access.revoke(OPEN, senders, "repository", "lab")
