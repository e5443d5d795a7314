"""The figures of a cache: shared by all processes, never written in part."""

import fcntl
import os
from pathlib import Path

import pytest

from streams.storage.cache import ledger
from streams.storage.cache.ledger import CacheFigures, Ledger


def test_what_one_process_writes_the_next_one_reads(tmp_path: Path):
    first, second = Ledger(tmp_path / "ledger"), Ledger(tmp_path / "ledger")
    with first.locked() as opened:
        assert opened.is_new
        opened.figures.hits += 3
        opened.figures.misses += 1
        opened.write()

    with second.locked() as opened:
        assert not opened.is_new
        assert opened.figures == CacheFigures(hits=3, misses=1)
    found = second.read()
    assert found is not None and found.document()["hit_rate"] == 0.75


def test_figures_that_are_not_written_are_not_changed(tmp_path: Path):
    book = Ledger(tmp_path / "ledger")
    with book.locked() as opened:
        opened.write()
    with book.locked() as opened:
        opened.figures.hits = 7

    assert book.read() == CacheFigures()


@pytest.mark.parametrize("content", [b"", b"ledger 1", b"another file of the same length" * 2])
def test_a_file_in_another_form_counts_as_lost(tmp_path: Path, content: bytes):
    (tmp_path / "ledger").write_bytes(content)
    book = Ledger(tmp_path / "ledger")

    assert book.read() is None
    with book.locked() as opened:
        assert opened.is_new


def test_no_reads_have_no_hit_rate():
    assert CacheFigures().hit_rate is None


def test_a_ledger_that_a_stopped_process_holds_is_an_error_after_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(ledger, "LOCK_SECONDS", 0.05)
    path = tmp_path / "ledger"
    path.touch()
    held = os.open(path, os.O_RDWR)
    fcntl.flock(held, fcntl.LOCK_EX)

    with pytest.raises(OSError, match="is locked for"), Ledger(path).locked():
        pass

    os.close(held)
    with Ledger(path).locked() as opened:
        assert opened.is_new


def test_a_folder_that_was_made_again_has_its_own_ledger(tmp_path: Path):
    folder = tmp_path / "cache"
    folder.mkdir()
    book = Ledger(folder / "ledger")
    with book.locked() as opened:
        opened.figures.hits = 5
        opened.write()
    (folder / "ledger").unlink()

    with book.locked() as opened:
        assert opened.is_new
