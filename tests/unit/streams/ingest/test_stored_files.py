"""The database of what each sender has uploaded."""

from pathlib import Path

from streams.ingest.stored_files import FinishedUpload, StoredFiles

A, B = "ab" * 32, "cd" * 32


def test_it_knows_what_a_sender_has_uploaded_also_after_a_restart(tmp_path: Path):
    before = StoredFiles(tmp_path / "stored.db")
    before.add("1", "station-lab", A, 5, "sha256 x", now=10.0)
    before.close()

    after = StoredFiles(tmp_path / "stored.db")

    assert (after.size("station-lab", A), after.size("station-hall", A)) == (5, None)
    assert list(after.missing("station-lab", [A, B])) == [B]
    assert after.finished("1", "station-lab") == FinishedUpload(5, "sha256 x", 10.0)
    assert after.finished("1", "station-hall") is None


def test_a_finished_upload_is_forgotten_and_its_file_is_not(tmp_path: Path):
    stored = StoredFiles(tmp_path / "stored.db")
    stored.add("1", "station-lab", A, 5, "", now=10.0)
    stored.add("2", "station-lab", A, 5, "", now=20.0)

    stored.expire(before=15.0)

    assert stored.finished("1", "station-lab") is None
    assert stored.finished("2", "station-lab") is not None
    assert stored.size("station-lab", A) == 5


def test_a_damaged_database_is_replaced(tmp_path: Path):
    (tmp_path / "stored.db").write_bytes(b"no database" * 1000)

    stored = StoredFiles(tmp_path / "stored.db")

    assert stored.size("station-lab", A) is None
