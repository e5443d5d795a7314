"""The files of known senders: read once, and again as soon as they change."""

from pathlib import Path

import pytest

from streams.known_senders import KnownSenders
from streams.signatures import new_key

TOPIC = "digitization.batch.submitted.v1"


def test_a_key_is_known_once_added_and_stays_known_when_it_is_revoked(tmp_path: Path):
    key, senders = new_key("station-a"), KnownSenders(tmp_path)
    senders.add(key, "station", "digest of a token")

    reader = KnownSenders(tmp_path)
    known = reader.find(key.key_id)
    KnownSenders(tmp_path).revoke("station-a")
    after = reader.find(key.key_id)

    assert known is not None and after is not None
    assert (known.sender, known.kind, known.public_key) == ("station-a", "station", key.public_key)
    assert (known.upload_token_sha256, known.revoked_at) == ("digest of a token", None)
    assert after.revoked_at
    assert reader.active("station-a") == []


def test_a_revoked_key_is_not_made_valid_by_adding_it_again(tmp_path: Path):
    key, senders = new_key("station-a"), KnownSenders(tmp_path)
    senders.add(key, "station")
    senders.revoke("station-a")

    senders.add(key, "station")

    assert senders.active("station-a") == []


def test_another_sender_keeps_its_key_when_one_is_revoked(tmp_path: Path):
    senders = KnownSenders(tmp_path)
    for name in ("station-a", "station-a-2"):
        senders.add(new_key(name), "station")

    senders.revoke("station-a")

    assert (len(senders.active("station-a")), len(senders.active("station-a-2"))) == (0, 1)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"public_key": "AAAA"}', '{"public_key": 1, "sender": "station-a"}']
)
def test_a_damaged_file_is_no_sender(tmp_path: Path, text: str):
    key, senders = new_key("station-a"), KnownSenders(tmp_path)
    senders.add(key, "station")
    (tmp_path / "senders" / f"{key.key_id}.json").write_text(text)

    assert KnownSenders(tmp_path).find(key.key_id) is None
    assert senders.find("0" * 16) is None


def test_only_the_first_start_lets_records_pass_without_signature(tmp_path: Path):
    senders = KnownSenders(tmp_path)
    assert senders.needs_start()

    senders.require_signatures_from({(TOPIC, 0): 7, (TOPIC, 11): 0})
    first = KnownSenders(tmp_path).unsigned_until()
    senders.require_signatures_from({(TOPIC, 0): 9, (TOPIC, 11): 4})
    later = KnownSenders(tmp_path).unsigned_until()

    assert first == later == {(TOPIC, 0): 7, (TOPIC, 11): 0}
    assert not senders.needs_start()


def test_offsets_that_a_topic_lost_need_a_signature_when_they_are_given_again(tmp_path: Path):
    senders = KnownSenders(tmp_path)
    senders.require_signatures_from({(TOPIC, 0): 7})

    senders.require_signatures_from({(TOPIC, 0): 3})
    senders.require_signatures_from({(TOPIC, 0): 8})

    assert senders.unsigned_until() == {(TOPIC, 0): 3}


def test_a_lost_file_of_offsets_makes_every_record_need_a_signature(tmp_path: Path):
    senders = KnownSenders(tmp_path)
    senders.require_signatures_from({(TOPIC, 0): 7})
    (tmp_path / "senders" / "unsigned-until.json").unlink()

    senders.require_signatures_from({(TOPIC, 0): 9})

    assert set(senders.unsigned_until().values()) == {0}
