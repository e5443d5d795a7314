"""The checker of queues: whom it reports, and that its table is the line's."""

from streams.topology import groups
from tests.faults.checkers.queues import READERS, _topics, unfinished
from tests.support.reader import Raw

ADMITTED = "digitization.page.admitted.v1"
RAWS = [Raw(ADMITTED, number % 2, number // 2, b"k", b"v") for number in range(6)]


def test_nothing_is_told_when_all_is_finished():
    assert unfinished("acquire_page", RAWS, {(ADMITTED, 0): 3, (ADMITTED, 1): 3}) == []


def test_what_is_left_is_counted_by_topic():
    found = unfinished("acquire_page", RAWS, {(ADMITTED, 0): 1, (ADMITTED, 1): 3})

    assert [(one.where, one.found) for one in found] == [
        (f"acquire_page, {ADMITTED}", "2 messages are left")
    ]


def test_a_reader_that_never_finished_anything_is_told():
    assert unfinished("acquire_page", RAWS, {})[0].found == "6 messages are left"


def test_a_reader_is_not_told_of_topics_of_others():
    assert unfinished("sealer", RAWS, {}) == []


def test_its_table_names_every_reader_and_topic_of_the_line():
    line = {group.removeprefix("copystand."): set(topics) for group, topics in groups().items()}

    assert {reader: set(_topics(reader)) for reader in READERS} == line, "see READERS"
