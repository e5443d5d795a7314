"""The journal must have the entries of the log, and shows the events behind the last checkpoint."""

from pathlib import Path

import pytest

from streams.verification.log_files import journal_problem, later_leaves
from tests.support.small_sealed_log import Small, a_record, a_small_log

SIGNED, UNSIGNED = 300, 20
SIZE = SIGNED + UNSIGNED


@pytest.fixture
def log(tmp_path: Path) -> Small:
    return a_small_log(tmp_path / "log", [a_record(seq) for seq in range(SIZE)], SIGNED)


def journal(log: Small) -> Path:
    (found,) = (log.folder / "journal").iterdir()
    return found


def test_the_journal_of_the_log_has_its_entries_and_those_behind_the_checkpoint(log: Small):
    leaves = [record.leaf for record in log.records]

    assert journal_problem(log.folder, log.tree) is None
    assert later_leaves(log.folder, SIGNED, SIZE - 1) == leaves[SIGNED:]
    assert later_leaves(log.folder, SIGNED, SIGNED + 3) == leaves[SIGNED : SIGNED + 4]
    assert later_leaves(log.folder, SIGNED, SIGNED - 1) == []
    assert later_leaves(log.folder, SIGNED, SIZE + 50, seconds=0) == leaves[SIGNED:]


def test_a_damaged_journal_ends_before_the_entry_that_cannot_be_read(log: Small):
    content = bytearray(journal(log).read_bytes())
    content[10] ^= 1
    journal(log).write_bytes(content)

    found = journal_problem(log.folder, log.tree)

    assert found is not None and found[0] == 0


def test_another_journal_and_a_missing_one_are_found(log: Small, tmp_path: Path):
    records = [*log.records[:9], a_record(9, "forged"), *log.records[10:]]
    other = a_small_log(tmp_path / "other" / "log", records, SIGNED)
    journal(log).write_bytes(journal(other).read_bytes())
    another = journal_problem(log.folder, log.tree)
    journal(log).unlink()

    assert another == (9, "the journal has another entry than the log")
    assert journal_problem(log.folder, log.tree) is not None
