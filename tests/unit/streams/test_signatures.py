"""Signatures of records are those of docs/contract.md §4, and hold for one record alone."""

import json
import re
from pathlib import Path

import pytest

from streams.clients.signing import signature_headers
from streams.signatures import (
    SigningKey,
    is_signed_by,
    key_document,
    key_id_of,
    new_key,
    read_key,
    signed_bytes,
)

PAGE = (Path(__file__).parents[3] / "docs" / "contract.md").read_text("utf-8")
VECTOR = dict(re.findall(r"^\| `?([a-z_ ]+)`? \| `?([0-9a-z.-]+)`? \|$", PAGE, re.M))
RECORD = ("station-a", "0" * 16, "topic", b"key", b"value")


def test_the_vector_of_the_contract_is_what_this_software_signs():
    key = SigningKey(VECTOR["sender"], bytes.fromhex(VECTOR["private key"]))
    record = (VECTOR["topic"], bytes.fromhex(VECTOR["key"]), bytes.fromhex(VECTOR["value"]))

    headers = dict(signature_headers(key, *record))

    assert key.public_key.hex() == VECTOR["public key"]
    assert headers == {
        "sender": VECTOR["sender"].encode(),
        "key_id": VECTOR["key_id"].encode(),
        "signature": bytes.fromhex(VECTOR["signature"]),
    }
    signed = signed_bytes(key.sender, key.key_id, *record)
    assert len(signed) == int(VECTOR["length of the signed bytes"])


def test_the_signed_bytes_follow_from_the_description_alone():
    parts = [b"copystand.record.v1", *(p.encode() if isinstance(p, str) else p for p in RECORD)]

    described = b"".join(len(part).to_bytes(8, "big") + part for part in parts)

    assert signed_bytes(*RECORD) == described


@pytest.mark.parametrize("at", range(len(RECORD)))
def test_a_signature_is_wrong_for_every_other_sender_key_topic_and_value(at: int):
    key, other = new_key("station-a"), list(RECORD)
    other[at] = other[at] + (b"x" if isinstance(other[at], bytes) else "x")  # type: ignore[operator]
    signature = key._private.sign(signed_bytes(*RECORD))

    assert is_signed_by(key.public_key, signed_bytes(*RECORD), signature)
    assert not is_signed_by(key.public_key, signed_bytes(*other), signature)  # type: ignore[arg-type]


def test_bytes_that_move_from_one_part_to_the_next_give_another_text():
    assert signed_bytes("s", "k", "t", b"ab", b"c") != signed_bytes("s", "k", "t", b"a", b"bc")


@pytest.mark.parametrize("signature", [b"", b"x", b"\0" * 64, b"\xff" * 65])
def test_bytes_that_are_no_signature_are_wrong(signature: bytes):
    assert not is_signed_by(new_key("a").public_key, b"signed", signature)


def test_a_key_is_read_as_it_was_written_and_its_id_follows_from_its_public_half(tmp_path: Path):
    key, file = new_key("station-a"), tmp_path / "key.json"
    file.write_text(json.dumps({"user": "station-a", **key_document(key)}))

    assert read_key(file) == key
    assert key.key_id == key_id_of(key.public_key)
    assert key.seed.hex() not in repr(key)


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"user": "a"}', '{"user": "a", "signing_key": "AAAA"}', '{"user": 1']
)
def test_a_file_without_a_key_is_named(tmp_path: Path, text: str):
    (tmp_path / "key.json").write_text(text)

    with pytest.raises(ValueError, match=r"key\.json has no signing key"):
        read_key(tmp_path / "key.json")
