"""The index of sealed events: changed in one transaction, and replaced when it is damaged."""

import sqlite3
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from uuid import UUID

import pytest

from streams.sealer.event_index import (
    IDS_PER_QUERY,
    MARK_EVERY,
    EventIndex,
    IndexedEvent,
    Position,
    PositionConflict,
)

START = Position(0, 0, 0)


def events(count: int) -> list[IndexedEvent]:
    return [IndexedEvent(str(UUID(int=seq)), seq, bytes([seq % 256])) for seq in range(count)]


def test_events_are_found_by_id_also_when_they_need_several_queries(tmp_path: Path):
    index = EventIndex(tmp_path / "index.db")
    sealed = events(2 * IDS_PER_QUERY + 1)

    index.advance(START, sealed, Position(len(sealed), len(sealed), 5))

    found = index.find([one.event_id for one in sealed] + [str(UUID(int=9**9))])
    assert found == {one.event_id: one for one in sealed}
    assert index.all() == sealed
    assert index.position() == Position(len(sealed), len(sealed), 5)


def test_events_that_are_known_already_are_replaced_when_the_position_was_too_low(tmp_path: Path):
    index = EventIndex(tmp_path / "index.db")
    index.advance(START, events(3), Position(3, 3, 5))
    with closing(sqlite3.connect(tmp_path / "index.db")) as database, database:
        database.execute("UPDATE position SET next_seq = 1, next_offset = 1")

    index.advance(Position(1, 1, 5), events(3)[1:], Position(3, 3, 5))

    assert (index.all(), index.position()) == (events(3), Position(3, 3, 5))


def test_an_index_that_another_sealer_advanced_is_left_alone(tmp_path: Path):
    index, other = EventIndex(tmp_path / "index.db"), EventIndex(tmp_path / "index.db")
    other.advance(START, events(1), Position(1, 2, 5))

    with pytest.raises(PositionConflict):
        index.advance(START, events(2), Position(2, 3, 6))

    assert (index.position(), index.all()) == (Position(1, 2, 5), events(1))


def test_a_damaged_index_is_replaced_by_an_empty_one(tmp_path: Path):
    (tmp_path / "index.db").write_bytes(b"not a database, and long enough to be read as one" * 50)

    assert EventIndex(tmp_path / "index.db").position() == START


def test_a_cleared_index_begins_again(tmp_path: Path):
    index = EventIndex(tmp_path / "index.db")
    index.advance(START, events(3), Position(3, 4, 5))

    index.clear()
    index.advance(START, events(1), Position(1, 2, 5))

    assert index.all() == events(1)


def test_events_are_found_before_they_are_in_the_file(tmp_path: Path):
    index = EventIndex(tmp_path / "index.db")
    first, second = events(2)
    index.advance(START, [first], Position(1, 1, 5), more_follow=True)

    index.advance(Position(1, 1, 5), [second], Position(2, 3, 6), more_follow=True)

    assert EventIndex(tmp_path / "index.db").position() == START
    assert index.position() == Position(2, 3, 6)
    assert index.find([first.event_id, second.event_id]) == {
        one.event_id: one for one in (first, second)
    }


def test_held_events_are_written_with_the_last_one(tmp_path: Path):
    index = EventIndex(tmp_path / "index.db")
    first, second, third = events(3)
    index.advance(START, [first, second], Position(2, 2, 5), more_follow=True)

    index.advance(Position(2, 2, 5), [third], Position(3, 4, 6))

    other = EventIndex(tmp_path / "index.db")
    assert other.all() == [first, second, third]
    assert other.position() == Position(3, 4, 6)


def test_a_limited_number_of_events_is_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("streams.sealer.event_index.MOST_HELD", 3)
    index = EventIndex(tmp_path / "index.db")

    index.advance(START, events(3), Position(3, 3, 5), more_follow=True)

    assert EventIndex(tmp_path / "index.db").all() == events(3)


def test_held_events_are_written_when_the_index_is_closed_and_forgotten_when_it_is_cleared(
    tmp_path: Path,
):
    index = EventIndex(tmp_path / "index.db")
    index.advance(START, events(2), Position(2, 2, 5), more_follow=True)

    index.clear()

    assert (index.position(), index.all()) == (START, [])
    index.advance(START, events(3), Position(3, 4, 5), more_follow=True)
    index.close()
    assert EventIndex(tmp_path / "index.db").all() == events(3)


def test_a_mark_is_kept_for_each_part_of_what_was_held(tmp_path: Path):
    index = EventIndex(tmp_path / "index.db")
    ends = [Position(seq, seq + 7, 5) for seq in (MARK_EVERY, MARK_EVERY + 1, 2 * MARK_EVERY)]
    for before, after in pairwise((START, *ends)):
        index.advance(before, [], after, more_follow=True)

    assert index.marks() == [
        (0, 0),
        (MARK_EVERY, MARK_EVERY + 7),
        (2 * MARK_EVERY, 2 * MARK_EVERY + 7),
    ]


def test_held_events_of_an_index_that_another_sealer_advanced_are_not_written(tmp_path: Path):
    index, other = EventIndex(tmp_path / "index.db"), EventIndex(tmp_path / "index.db")
    index.advance(START, events(2), Position(2, 3, 6), more_follow=True)
    other.advance(START, events(1), Position(1, 2, 5))

    with pytest.raises(PositionConflict):
        index.flush()

    assert (index.position(), index.all()) == (Position(1, 2, 5), events(1))
