"""The topic of sealed records that is in use is the one that the newest checkpoint names."""

from pathlib import Path

import pytest

from streams.audit.generations import is_later, next_topic, topic_in_use, topic_of
from streams.transparency_log.checkpoint_files import publish
from streams.transparency_log.note import BadNote
from tests.support.transparency_logs import FIRST_KEY, SECOND_KEY, Sealed

FIRST = "digitization.audit.premis.v1"


def test_without_a_name_in_the_checkpoint_it_is_the_first_topic(tmp_path: Path):
    assert topic_in_use(tmp_path / "none", FIRST) == FIRST
    Sealed(tmp_path).seal(5)

    assert topic_in_use(tmp_path, FIRST) == FIRST


def test_every_later_checkpoint_names_the_topic_again_also_after_a_change_of_keys(tmp_path: Path):
    log = Sealed(tmp_path)
    log.seal(5)
    publish(log.store, log.checkpoints, FIRST_KEY, topic=f"{FIRST}.g2")
    log.seal(5)
    log.rotate(SECOND_KEY)
    log.seal(5)

    assert [one.topic for one in log.checkpoints][-3:] == [f"{FIRST}.g2"] * 3
    assert topic_in_use(tmp_path, FIRST) == f"{FIRST}.g2"


def test_a_damaged_newest_checkpoint_does_not_hide_the_topic(tmp_path: Path):
    log = Sealed(tmp_path)
    log.seal(5)
    publish(log.store, log.checkpoints, FIRST_KEY, topic=f"{FIRST}.g2")
    (tmp_path / "checkpoint").write_bytes(b"damaged")

    assert topic_in_use(tmp_path, FIRST) == f"{FIRST}.g2"


@pytest.mark.parametrize("name", ["other.v1", f"{FIRST}.g", f"{FIRST}.g02", f"{FIRST}.g2.g3"])
def test_a_topic_that_is_not_a_generation_is_refused(tmp_path: Path, name: str):
    log = Sealed(tmp_path)
    log.seal(5)
    checkpoint = publish(log.store, log.checkpoints, FIRST_KEY, topic=name)

    with pytest.raises(BadNote, match="names the topic"):
        topic_of(checkpoint, FIRST)


@pytest.mark.parametrize(
    ("used", "following"),
    [([], "g2"), ([FIRST], "g2"), ([FIRST, f"{FIRST}.g9", f"{FIRST}.g10", "x.g30"], "g11")],
)
def test_the_next_topic_follows_all_that_exist(used: list[str], following: str):
    assert next_topic(FIRST, used) == f"{FIRST}.{following}"


def test_a_later_generation_has_a_higher_number():
    assert is_later(f"{FIRST}.g10", f"{FIRST}.g9")
    assert not is_later(f"{FIRST}.g2", f"{FIRST}.g2")
    assert not is_later(FIRST, f"{FIRST}.g2")
    assert not is_later("other.g9", FIRST)
