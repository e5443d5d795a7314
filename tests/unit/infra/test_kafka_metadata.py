"""A broker that lost its metadata log is found, and gets it back from the copy of its last start."""

from pathlib import Path

import pytest

from infra.disk import Space
from infra.kafka_metadata import FIRST, HEAD_BYTES, MetadataLog

HEAD = b"first batch of this home".ljust(HEAD_BYTES, b".")
OTHER = b"first batch after the loss".ljust(HEAD_BYTES, b".")
TOPIC = "digitization.page.derived.v1-0"
STRAY = f"{TOPIC}.{'0a' * 16}-stray"


@pytest.fixture
def broker(tmp_path: Path) -> Path:
    """The folder of a broker that has a topic with one record."""
    log = tmp_path / "data" / "__cluster_metadata-0"
    log.mkdir(parents=True)
    (log / FIRST).write_bytes(HEAD + b"topics")
    (log / "quorum-state").write_text("{}")
    (log / "00000000000000000000.index").write_bytes(bytes(1000))
    (tmp_path / "data" / TOPIC).mkdir()
    (tmp_path / "data" / TOPIC / FIRST).write_bytes(b"a record")
    return tmp_path


def first_segment(broker: Path) -> Path:
    return broker / "data" / "__cluster_metadata-0" / FIRST


def test_a_new_broker_has_lost_nothing(tmp_path: Path):
    assert not MetadataLog(tmp_path / "kafka").is_lost()


@pytest.mark.parametrize("content", [b"", HEAD[:-1], OTHER + b"no topics"])
def test_an_empty_or_another_log_is_a_lost_one(broker: Path, content: bytes):
    log = MetadataLog(broker)
    log.record()

    before = log.is_lost()
    first_segment(broker).write_bytes(content)

    assert (before, log.is_lost()) == (False, True)


def test_a_log_that_is_gone_is_lost(broker: Path):
    log = MetadataLog(broker)
    log.record()

    first_segment(broker).unlink()

    assert log.is_lost()


def test_a_log_whose_first_segment_was_deleted_after_a_snapshot_is_not_lost(broker: Path):
    log = MetadataLog(broker)
    log.record()

    first_segment(broker).rename(first_segment(broker).with_name(f"{800:020}.log"))
    first_segment(broker).with_name(f"{800:020}-0000000001.checkpoint").touch()

    assert not log.is_lost()


def test_a_home_of_an_earlier_version_with_topics_and_an_empty_log_has_lost_it(broker: Path):
    before = MetadataLog(broker).is_lost()
    first_segment(broker).write_bytes(b"")

    assert (before, MetadataLog(broker).is_lost()) == (False, True)


def test_a_lost_log_and_the_folders_of_its_topics_are_restored(broker: Path):
    log = MetadataLog(broker)
    log.record()
    log.keep()
    first_segment(broker).write_bytes(OTHER)
    (broker / "data" / TOPIC).rename(broker / "data" / STRAY)
    (broker / "data" / TOPIC).mkdir()

    restored = log.restore()

    assert restored and not log.is_lost()
    assert first_segment(broker).read_bytes() == HEAD + b"topics"
    names = sorted(path.name for path in first_segment(broker).parent.iterdir())
    assert names == [FIRST, "quorum-state"]
    assert (broker / "data" / TOPIC / FIRST).read_bytes() == b"a record"
    assert not (broker / "data" / STRAY).exists()


def test_a_lost_log_is_not_copied_over_the_copy(broker: Path):
    log = MetadataLog(broker)
    log.record()
    log.keep()
    first_segment(broker).write_bytes(OTHER)

    log.keep()

    assert log.restore()


def test_a_copy_that_leaves_less_than_the_floor_is_not_made(broker: Path):
    log = MetadataLog(broker)
    log.record()

    with pytest.raises(OSError, match="a copy of its metadata log needs"):
        log.keep(floor=Space(10**18, 1))


def test_without_a_copy_nothing_is_restored(broker: Path):
    log = MetadataLog(broker)
    log.record()
    first_segment(broker).write_bytes(b"")

    assert not log.restore()
    assert first_segment(broker).read_bytes() == b""
