"""The projection is made again only from events that the signed tree has."""

from pathlib import Path

import pytest

from schemas.codec import encode
from streams.audit.sealed_record import Seal, SealedRecord, schema_digest
from streams.verification.rebuild_sources import KeyRequired, NotVerified, from_export, from_topic
from tests.support.audit_log import an_event
from tests.support.transparency_logs import FIRST_KEY, SECOND_KEY, Sealed


def a_log(folder: Path, count: int, detail: str = "all is well") -> Sealed:
    log = Sealed(folder)
    append(log, count, detail)
    return log


def append(log: Sealed, count: int, detail: str = "all is well") -> None:
    first = log.store.size
    log.store.append([leaf(seq, detail) for seq in range(first, first + count)])
    log.sign()


def leaf(seq: int, detail: str = "all is well") -> bytes:
    event = an_event(seq, detail)
    value = encode(event)
    return SealedRecord(event.head.event_id, value, Seal(seq, 1, schema_digest(value))).leaf


def test_what_others_wrote_to_the_topic_is_passed_over(tmp_path: Path):
    tree = a_log(tmp_path, 5).store.tree()
    on_topic = [(seq, leaf(seq)) for seq in range(5)]
    on_topic[2:2] = [(1, leaf(1)), (2, leaf(2, "forged")), (9, leaf(9))]

    found = list(from_topic(tree, on_topic))

    assert [one.leaf for one in found] == [leaf(seq) for seq in range(5)]


@pytest.mark.parametrize("lost", [0, 3, 4])
def test_an_event_that_the_topic_lacks_is_named(tmp_path: Path, lost: int):
    tree = a_log(tmp_path, 5).store.tree()
    on_topic = [(seq, leaf(seq)) for seq in range(5) if seq != lost]

    with pytest.raises(NotVerified, match=f"seq {lost}: "):
        list(from_topic(tree, on_topic))


def test_an_earlier_export_of_the_log_is_accepted(tmp_path: Path):
    log = a_log(tmp_path / "log", 300)
    export = log.export(tmp_path / "export")
    log.rotate(SECOND_KEY)
    append(log, 50)

    found = list(from_export(export, log.folder, None))

    assert [one.seal.seq for one in found] == list(range(300))


def test_an_export_of_another_log_with_the_same_key_is_refused(tmp_path: Path):
    export = a_log(tmp_path / "other", 20, "forged").export(tmp_path / "export")
    log = a_log(tmp_path / "log", 30)

    with pytest.raises(NotVerified, match="other events than the export"):
        list(from_export(export, log.folder, None))


def test_an_export_that_is_newer_than_the_log_is_refused(tmp_path: Path):
    export = a_log(tmp_path / "other", 30).export(tmp_path / "export")
    log = a_log(tmp_path / "log", 20)

    with pytest.raises(NotVerified, match="seq 20: the export has 30 events, and the log 20"):
        list(from_export(export, log.folder, None))


def test_without_the_log_the_key_of_an_export_must_be_given(tmp_path: Path):
    export, none = a_log(tmp_path / "log", 30).export(tmp_path / "export"), tmp_path / "none"

    with pytest.raises(KeyRequired):
        from_export(export, none, None)
    with pytest.raises(NotVerified):
        from_export(export, none, str(SECOND_KEY.verifier))
    assert len(list(from_export(export, none, str(FIRST_KEY.verifier)))) == 30
