"""The proof of one entry: the format of c2sp.org/tlog-proof, small, and valid for its entry alone."""

from pathlib import Path

import pytest

from streams.transparency_log.checkpoint import Checkpoint, cosign, next_checkpoint, sign
from streams.transparency_log.log_store import LogStore
from streams.transparency_log.merkle import ProofFailed
from streams.transparency_log.note import BadNote, SignerKey
from streams.transparency_log.proof import Proof, parse_proof, prove
from tests.support.transparency_logs import FIRST_KEY, ORIGIN


@pytest.fixture
def log(tmp_path: Path) -> LogStore:
    store = LogStore(tmp_path)
    store.append([bytes([number]) for number in range(100)])
    return store


def test_a_proof_is_read_back_and_holds_for_its_entry(log: LogStore):
    checkpoint = next_checkpoint(log, None, FIRST_KEY)
    proof = prove(log.tree(), 42, checkpoint)

    found = parse_proof(proof.encode())

    assert found == proof
    assert proof.encode().startswith(b"c2sp.org/tlog-proof@v1\nindex 42\n")
    found.verify(bytes([42]))
    with pytest.raises(ProofFailed):
        found.verify(bytes([43]))


def test_a_proof_in_the_largest_log_with_a_witness_has_at_most_2_kb():
    checkpoint = sign(Checkpoint(ORIGIN, 2**32, bytes(32)), FIRST_KEY)
    witnessed = cosign(checkpoint, SignerKey("auditor.example/witness", bytes(32)), 1_800_000_000)

    proof = Proof(2**31, tuple([bytes(32)] * 32), witnessed)

    assert len(proof.encode()) <= 2048


def test_extra_data_is_passed_over(log: LogStore):
    content = prove(log.tree(), 7, next_checkpoint(log, None, FIRST_KEY)).encode()

    found = parse_proof(content.replace(b"index", b"extra AAAA\nindex", 1))

    found.verify(bytes([7]))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"tlog-proof@v1", b"tlog-proof@v2"),
        (b"index 7", b"index 07"),
        (b"index 7\n", b""),
        (b"\n\n", b"\nAAAA\n\n"),
        (b"\n\n", b"\n!\n\n"),
    ],
)
def test_a_text_that_is_not_a_proof_is_refused(log: LogStore, old: bytes, new: bytes):
    content = prove(log.tree(), 7, next_checkpoint(log, None, FIRST_KEY)).encode()

    with pytest.raises(BadNote):
        parse_proof(content.replace(old, new, 1))
