"""Checkpoints: read strictly, and signed only when the log continues the last one."""

from pathlib import Path

import pytest

from streams.transparency_log.checkpoint import (
    Checkpoint,
    ForkRefused,
    cosign,
    hand_over,
    next_checkpoint,
    parse_checkpoint,
    require_continuation,
)
from streams.transparency_log.log_store import LogStore
from streams.transparency_log.merkle import EMPTY_ROOT
from streams.transparency_log.note import BadNote, SignerKey
from tests.support.transparency_logs import FIRST_KEY, ORIGIN, SECOND_KEY, Sealed, a_leaf

ROOT = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
# The example of c2sp.org/tlog-cosignature; its keys are not published.
PUBLISHED = f"""example.com/behind-the-sofa
20852163
{ROOT}

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==
"""


def test_a_published_checkpoint_is_read_and_written_back():
    found = parse_checkpoint(PUBLISHED.encode())

    assert (found.origin, found.size) == ("example.com/behind-the-sofa", 20852163)
    assert found.encode() == PUBLISHED.encode()
    assert found.text == found.note.text
    assert int.from_bytes(found.note.signatures[1].signature[:8], "big") == 1679315147


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("\n20852163\n", "\n020852163\n"),
        ("\n20852163\n", "\n-1\n"),
        ("\n20852163\n", "\n\n20852163\n"),
        ("\n20852163\n", "\n1e3\n"),
        (ROOT, ROOT[:-4]),
        (ROOT, ROOT.replace("I=", "J=")),
        (f"{ROOT}\n", ""),
        ("example.com/behind-the-sofa\n208", "\n208"),
    ],
)
def test_a_text_that_is_not_a_checkpoint_is_refused(old: str, new: str):
    with pytest.raises(BadNote):
        parse_checkpoint(PUBLISHED.replace(old, new, 1).encode())


def test_the_checkpoint_of_an_empty_log_has_the_empty_root(tmp_path: Path):
    found = next_checkpoint(LogStore(tmp_path), None, FIRST_KEY)

    assert (found.origin, found.size, found.root) == (ORIGIN, 0, EMPTY_ROOT)
    assert FIRST_KEY.verifier.signed(found.note)
    assert parse_checkpoint(found.encode()) == found


def test_nothing_is_signed_after_a_checkpoint_that_the_log_does_not_continue(tmp_path: Path):
    log = Sealed(tmp_path)
    log.seal(20)
    newest = log.checkpoints.newest
    longer = Checkpoint(ORIGIN, 21, newest.root)
    other = Checkpoint(ORIGIN, 20, bytes(32))

    log.store.append([a_leaf(20)])

    assert next_checkpoint(log.store, newest, FIRST_KEY).size == 21
    for last in (other, Checkpoint(ORIGIN, 22, newest.root), longer):
        with pytest.raises(ForkRefused):
            next_checkpoint(log.store, last, FIRST_KEY)
        with pytest.raises(ForkRefused):
            hand_over(log.store, last, FIRST_KEY, SECOND_KEY)
    with pytest.raises(ForkRefused) as raised:
        require_continuation(log.store, Checkpoint(ORIGIN, 22, newest.root))
    assert raised.value.index == 21


def test_a_key_names_the_next_one_and_both_sign(tmp_path: Path):
    log = Sealed(tmp_path)
    log.seal(3)

    last = hand_over(log.store, log.checkpoints.newest, FIRST_KEY, SECOND_KEY)

    assert last.next_key == SECOND_KEY.verifier
    assert FIRST_KEY.verifier.signed(last.note) and SECOND_KEY.verifier.signed(last.note)
    assert parse_checkpoint(last.encode()) == last
    assert log.checkpoints.newest.next_key is None


def test_a_witness_adds_its_signature_and_renews_it(tmp_path: Path):
    witness = SignerKey("auditor.example", bytes(32))
    checkpoint = next_checkpoint(LogStore(tmp_path), None, FIRST_KEY)

    once = cosign(checkpoint, witness, 1_800_000_000)
    twice = cosign(once, witness, 1_800_000_060)

    assert len(once.note.signatures) == len(twice.note.signatures) == 2
    assert witness.cosigner.cosigned_at(twice.note) == 1_800_000_060
    assert FIRST_KEY.verifier.signed(twice.note)
