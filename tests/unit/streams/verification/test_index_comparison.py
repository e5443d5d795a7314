"""The sealer's index must have exactly the events of the log."""

import sqlite3
from pathlib import Path

import pytest

from streams.verification.index_comparison import verify_index
from tests.support.small_sealed_log import Small, a_record, a_small_log

SIGNED, UNSIGNED = 300, 20
SIZE = SIGNED + UNSIGNED


@pytest.fixture
def log(tmp_path: Path) -> Small:
    return a_small_log(tmp_path / "log", [a_record(seq) for seq in range(SIZE)], SIGNED)


def found_in(log: Small) -> int | None:
    problem = verify_index(log.index, log.tree, log.folder)
    return problem[0] if problem else None


def test_finds_nothing_in_the_index_of_the_log(log: Small):
    assert found_in(log) is None


CHANGES = {
    "DELETE FROM events WHERE seq = 7": 7,
    f"DELETE FROM events WHERE seq = {SIZE - 1}": SIZE - 1,
    "UPDATE events SET digest = zeroblob(32) WHERE seq = 290": 290,
    f"UPDATE events SET event_id = randomblob(16) WHERE seq = {SIGNED + 5}": SIGNED + 5,
    f"UPDATE events SET seq = {SIZE} WHERE seq = 12": 12,
    f"INSERT INTO events VALUES (randomblob(16), {SIZE}, zeroblob(32))": SIZE,
    "UPDATE position SET next_seq = 50": 50,
    f"UPDATE position SET next_seq = {SIZE + 9}": SIZE,
    "UPDATE position SET sealed_at = sealed_at * 2": SIZE,
    "DELETE FROM position": 0,
    "DROP TABLE events": 0,
}


@pytest.mark.parametrize("change", CHANGES)
def test_names_the_first_event_concerned(log: Small, change: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("streams.verification.log_files.SECONDS", 0)
    with sqlite3.connect(log.index) as database:
        database.execute(change)
    database.close()

    assert found_in(log) == CHANGES[change]


def test_an_index_that_is_missing_or_damaged_is_found(log: Small):
    log.index.write_bytes(b"no database" * 500)
    damaged = found_in(log)
    log.index.unlink()

    assert (damaged, found_in(log)) == (0, 0)
