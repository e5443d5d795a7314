"""Signed notes and their keys: the formats of c2sp.org, strictly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.transparency_log.note import (
    BadNote,
    Note,
    Signature,
    SignerKey,
    VerifierKey,
    parse_note,
    parse_verifier_key,
    signed_by,
)

# The example of Go's package golang.org/x/mod/sumdb/note.
NEUMANN_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
NEUMANN_TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
NEUMANN = (
    f"{NEUMANN_TEXT}\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZ"
    "SNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
KEY = SignerKey("log.example/1", bytes(range(32)))
TEXT = "log.example/1\n3\nnothing\n"
SIGNED = Note(TEXT).signed(KEY.sign(TEXT))


def test_a_note_that_go_signed_is_valid():
    note, key = parse_note(NEUMANN.encode()), parse_verifier_key(NEUMANN_KEY)

    assert note.text == NEUMANN_TEXT
    assert key.signed(note)
    assert str(key) == NEUMANN_KEY
    assert note.encode() == NEUMANN.encode()


@given(st.data())
def test_a_note_with_any_changed_bit_is_refused(data: st.DataObject):
    changed = bytearray(SIGNED.encode())
    bit = data.draw(st.integers(0, 8 * len(changed) - 1))
    changed[bit // 8] ^= 1 << bit % 8

    try:
        note = parse_note(bytes(changed))
    except BadNote:
        return

    assert not KEY.verifier.signed(note)


@given(st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"]), max_size=40))
def test_a_signed_text_is_read_back(line: str):
    text = f"{line}\n"
    note = Note(text).signed(KEY.sign(text), KEY.cosign(text, 1_800_000_000))

    assert parse_note(note.encode()) == note
    assert KEY.verifier.signed(note)
    assert KEY.cosigner.cosigned_at(note) == 1_800_000_000


def test_a_cosignature_is_valid_for_its_time_alone():
    signature = KEY.cosign(TEXT, 1_800_000_000)
    later = Signature(signature.name, signature.key_id, bytes(8) + signature.signature[8:])

    assert KEY.cosigner.signed(Note(TEXT).signed(signature))
    assert KEY.cosigner.cosigned_at(Note(TEXT).signed(later)) is None
    assert KEY.cosigner.cosigned_at(SIGNED) is None
    assert KEY.cosigner.key_id != KEY.verifier.key_id


def test_signatures_of_other_keys_are_kept_and_do_not_count():
    other = SignerKey("witness.example", bytes(32))
    note = parse_note(SIGNED.signed(other.sign(TEXT)).encode())

    assert len(note.signatures) == 2
    assert signed_by(note, [KEY.verifier, other.verifier]) == [KEY.verifier, other.verifier]
    assert not SignerKey(KEY.name, bytes(32)).verifier.signed(note)


def test_a_second_signature_of_a_key_that_is_wrong_spoils_the_note():
    right = KEY.sign(TEXT)
    wrong = Signature(right.name, right.key_id, bytes(64))

    assert not KEY.verifier.signed(Note(TEXT, (right, wrong)))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"text\n",
        b"text\n\n",
        b"text\n\nno signature\n",
        b"text\n\n- log.example AAAAAAAA\n",
        "text\n\n— log.example AAAAAAAA".encode(),
        "text\n\n— log+example AAAAAAAA\n".encode(),
        "text\n\n— log.example AAAA\n".encode(),
        "text\n\n— log.example AAAAAAB=\n".encode(),
        "te\txt\n\n— log.example AAAAAAAA\n".encode(),
        "text\n\n— log.example AAAAAAAA\n\n".encode(),
        b"\xff\n\n" + "— log.example AAAAAAAA\n".encode(),
        ("text\n\n" + 101 * "— log.example AAAAAAAA\n").encode(),
    ],
)
def test_bytes_that_are_not_a_signed_note_are_refused(content: bytes):
    with pytest.raises(BadNote):
        parse_note(content)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "PeterNeumann",
        "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        NEUMANN_KEY.replace("c74f20a3", "c74f20a4"),
        NEUMANN_KEY.replace("Peter", "Paul"),
        NEUMANN_KEY[:-4],
        "PeterNeumann+c74f20a3+AxpcAA==",
        "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    ],
)
def test_a_text_that_is_not_a_key_is_refused(text: str):
    with pytest.raises(BadNote):
        parse_verifier_key(text)


def test_a_private_key_is_not_printed():
    assert KEY.seed.hex() not in repr(KEY) and "seed" not in repr(KEY)
    assert parse_verifier_key(str(KEY.cosigner)) == KEY.cosigner
    assert isinstance(KEY.verifier, VerifierKey)
