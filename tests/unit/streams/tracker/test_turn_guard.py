"""A message at which the process ends repeatedly is found, and no other message is."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from streams.kafka.messages import Incoming
from streams.tracker.turn_guard import MOST_ENDS, TurnGuard


def a_message(offset: int) -> Incoming:
    return Incoming("digitization.page.acquired.v1", 3, offset, None, None, {})


POISON = a_message(7)
PORTION = [a_message(5), a_message(6), POISON, a_message(8)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "tracker.turns"


def a_process(file: Path, messages: Sequence[Incoming]) -> list[Incoming]:
    """One process that dies at POISON; returns the messages that it skipped."""
    guard, skipped = TurnGuard(file), []
    for turn in guard.turns(messages):
        if guard.ends_processes(turn):
            skipped += turn
        else:
            guard.begin(turn)
            if POISON in turn:
                return skipped
        guard.end(turn)
    return skipped


def test_a_message_is_skipped_after_three_processes_ended_at_it(file: Path):
    skipped = [a_process(file, [POISON]) for _ in range(MOST_ENDS + 1)]

    assert skipped == [[]] * MOST_ENDS + [[POISON]]


def test_in_a_portion_the_message_is_found_and_the_others_are_processed(file: Path):
    skipped = [a_process(file, PORTION) for _ in range(MOST_ENDS + 2)]

    assert skipped == [[]] * (MOST_ENDS + 1) + [[POISON]]


def test_a_rebuild_finds_the_message_behind_many_others_and_reads_those_in_portions(file: Path):
    early = [a_message(offset) for offset in range(5)]
    for _ in range(MOST_ENDS + 1):
        guard = TurnGuard(file)
        for turn in (*guard.turns(early), *guard.turns(PORTION)):
            guard.begin(turn)
            if POISON in turn:
                break
            guard.end(turn)

    guard = TurnGuard(file)
    assert guard.turns(early) == [early]
    assert [guard.ends_processes(turn) for turn in guard.turns(PORTION)] == [False, True, False]


def test_a_turn_that_failed_for_another_reason_does_not_count(file: Path):
    for _ in range(5 * MOST_ENDS):
        guard = TurnGuard(file)
        guard.begin([POISON])
        guard.forgive([POISON])

    assert not TurnGuard(file).ends_processes([POISON])


def test_after_a_finished_turn_a_process_reads_portions(file: Path):
    guard = TurnGuard(file)
    guard.begin(PORTION)
    guard.end(PORTION)
    guard.forgive()

    assert TurnGuard(file).turns(PORTION) == [PORTION]


def test_after_an_end_in_a_turn_its_messages_alone_are_read_one_by_one(file: Path):
    TurnGuard(file).begin(PORTION)
    guard = TurnGuard(file)
    others = [a_message(20), a_message(21)]

    assert [len(turn) for turn in guard.turns([*PORTION, *others])] == [1, 1, 1, 1, 2]
    assert guard.turns(others) == [others]


@pytest.mark.parametrize(
    "content", ["", "{", "[1]", '{"turn": 3}', '{"turn": [["t", 0, "x", "y"]], "ends": [1]}']
)
def test_a_damaged_file_counts_nothing(file: Path, content: str):
    file.write_text(content)

    assert TurnGuard(file).turns(PORTION) == [PORTION]


def test_a_full_disk_does_not_end_the_process(tmp_path: Path):
    TurnGuard(tmp_path / "gone" / "tracker.turns").begin(PORTION)


def test_the_file_is_json_for_people(file: Path):
    TurnGuard(file).begin([POISON])

    assert json.loads(file.read_text()) == {
        "turn": [],
        "ends": {"digitization.page.acquired.v1:3:7": 1},
    }
