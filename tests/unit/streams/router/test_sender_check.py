"""The router takes a record only from the sender that signed it."""

from dataclasses import replace
from pathlib import Path

import pytest

from schemas.catalogue import topic_of
from schemas.codec import encode
from schemas.models import PackageReceived
from streams.execution.senders import Refused
from streams.kafka.messages import Incoming
from streams.known_senders import KnownSenders
from streams.router.sender_check import OPEN_TOPICS, SenderCheck
from streams.signatures import SigningKey, new_key
from tests.support.builders import a_head

SUBMITTED, CAPTURED, RECEIVED = OPEN_TOPICS
LAB, HALL, ARCHIVE = new_key("station-lab"), new_key("station-hall"), new_key("repository-archive")
HOME = new_key("repository")
FOREIGN = SigningKey("station-lab", new_key("").seed)


@pytest.fixture
def senders(tmp_path: Path) -> KnownSenders:
    known = KnownSenders(tmp_path)
    known.require_signatures_from({(SUBMITTED, 3): 5})
    for key in (LAB, HALL):
        known.add(key, "station")
    for key in (ARCHIVE, HOME):
        known.add(key, "repository")
    return known


def a_message(key: SigningKey | None = LAB, topic: str = SUBMITTED, offset: int = 7) -> Incoming:
    headers = {} if key is None else dict(key.headers(topic, b"b-1", b"value"))
    return Incoming(topic, 3, offset, b"b-1", b"value", headers)  # type: ignore[arg-type]


def with_headers(message: Incoming, **headers: bytes) -> Incoming:
    return replace(message, headers={**message.headers, **headers})


def code(senders: KnownSenders, message: Incoming) -> str:
    checked = SenderCheck(senders)(message)
    return checked.code if isinstance(checked, Refused) else ""


def test_a_signed_record_keeps_sender_and_key_as_its_only_headers(senders: KnownSenders):
    message = with_headers(a_message(), step=b"router", cause=b"x")

    checked = SenderCheck(senders)(message)

    named = {"sender": b"station-lab", "key_id": LAB.key_id.encode()}
    assert checked == replace(message, headers=named)


def test_stations_write_submissions_and_captures_and_repositories_write_answers(
    senders: KnownSenders,
):
    assert tuple(
        topic_of(name).name for name in ("BatchSubmitted", "PageCaptured", "PackageReceived")
    ) == (SUBMITTED, CAPTURED, RECEIVED)
    assert [code(senders, a_message(LAB, topic)) for topic in (SUBMITTED, CAPTURED)] == ["", ""]
    assert code(senders, a_message(ARCHIVE, RECEIVED)) == ""
    assert code(senders, a_message(LAB, RECEIVED)) == "sender.foreign"
    assert code(senders, a_message(ARCHIVE, SUBMITTED)) == "sender.foreign"


@pytest.mark.parametrize("name", ["sender", "key_id", "signature"])
def test_a_record_without_one_of_the_headers_is_refused(senders: KnownSenders, name: str):
    signed = a_message()
    without = {one: value for one, value in signed.headers.items() if one != name}

    assert code(senders, replace(signed, headers=without)) == "sender.signature-missing"
    assert code(senders, with_headers(signed, **{name: b""})) == "sender.signature-missing"


def test_a_key_that_was_never_registered_is_refused(senders: KnownSenders):
    assert code(senders, a_message(FOREIGN)) == "sender.unknown"


@pytest.mark.parametrize("key_id", [b"../../run/x", b"\xff\xfe", b"unsigned-until", b"0" * 5000])
def test_a_key_id_that_is_none_is_unknown_and_no_other_file_is_read(
    senders: KnownSenders, key_id: bytes
):
    assert code(senders, with_headers(a_message(), key_id=key_id)) == "sender.unknown"


def test_a_sender_cannot_name_another_sender_nor_use_the_id_of_anothers_key(senders: KnownSenders):
    named = with_headers(a_message(LAB), sender=b"station-hall")
    borrowed = with_headers(a_message(LAB), key_id=HALL.key_id.encode())
    both = with_headers(named, key_id=HALL.key_id.encode())

    assert code(senders, named) == code(senders, borrowed) == "sender.foreign"
    assert code(senders, both) == "sender.signature-wrong"


def test_a_signature_holds_for_its_topic_key_and_value_alone(senders: KnownSenders):
    signed = a_message()

    for other in (
        replace(signed, topic=CAPTURED),
        replace(signed, key=b"b-2"),
        replace(signed, value=b"other"),
        replace(signed, key=None),
        replace(signed, value=None),
        with_headers(signed, signature=b"x" * 64),
    ):
        assert code(senders, other) == "sender.signature-wrong", other
    assert code(senders, replace(signed, partition=0, offset=99)) == ""


@pytest.mark.parametrize(
    ("key", "stated", "expected"),
    [
        (ARCHIVE, "archive", ""),
        (ARCHIVE, "archive.nightly", ""),
        (ARCHIVE, "archive-2", "sender.foreign"),
        (ARCHIVE, "", "sender.foreign"),
        (HOME, "archive-2", ""),
    ],
)
def test_a_repository_answers_in_its_own_name_and_this_home_for_all(
    senders: KnownSenders, key: SigningKey, stated: str, expected: str
):
    answer = PackageReceived(head=a_head(), package_id="vol-1.v1", accepted=True, repository=stated)
    value = encode(answer)
    headers = dict(key.headers(RECEIVED, b"vol-1.v1", value))

    message = Incoming(RECEIVED, 3, 7, b"vol-1.v1", value, headers)  # type: ignore[arg-type]

    assert code(senders, message) == expected


def test_a_revoked_key_is_refused_at_once_by_a_check_that_knew_it(senders: KnownSenders):
    check = SenderCheck(senders)
    before = check(a_message())

    KnownSenders(senders._folder.parent).revoke("station-lab")
    after = check(a_message())

    assert isinstance(before, Incoming)
    assert isinstance(after, Refused)
    assert (after.code, after.is_from_sender) == ("sender.revoked", True)
    assert code(senders, replace(a_message(), value=b"other")) == "sender.signature-wrong"


def test_records_below_the_offset_of_the_upgrade_need_no_signature(senders: KnownSenders):
    assert code(senders, a_message(None, offset=4)) == ""
    assert code(senders, a_message(None, offset=5)) == "sender.signature-missing"
    assert code(senders, replace(a_message(None, offset=4), partition=2)) == (
        "sender.signature-missing"
    )
    assert code(senders, a_message(None, CAPTURED, offset=4)) == "sender.signature-missing"
    # A wrong signature is no better than none.
    assert code(senders, a_message(FOREIGN, offset=4)) == "sender.unknown"
