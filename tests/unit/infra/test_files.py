"""Small files are replaced in one step, and survive a power cut where that matters."""

import errno
import os
from pathlib import Path

import pytest

from infra import files
from infra.files import create_atomic, write_atomic, write_json


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was asked of the file system, in order: fsync of a file or folder, and rename."""
    made: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def noted_fsync(handle: int) -> None:
        name = Path(os.readlink(f"/proc/self/fd/{handle}")).name
        made.append("fsync draft" if name.startswith(".") else f"fsync {name}")
        fsync(handle)

    def noted_replace(draft: Path, target: Path) -> Path:
        made.append(f"rename to {target.name}")
        return replace(draft, target)

    monkeypatch.setattr(files.os, "fsync", noted_fsync)
    monkeypatch.setattr(Path, "replace", noted_replace)
    return made


def test_content_is_on_disk_before_its_name(tmp_path: Path, calls: list[str]):
    write_atomic(tmp_path / "state", "new\n")

    assert (tmp_path / "state").read_text() == "new\n"
    assert calls == ["fsync draft", "rename to state", f"fsync {tmp_path.name}"]


def test_a_file_that_is_not_durable_is_renamed_without_a_flush(tmp_path: Path, calls: list[str]):
    write_json(tmp_path / "watch.json", {"at": "now"}, durable=False)

    assert (tmp_path / "watch.json").read_text() == '{\n  "at": "now"\n}\n'
    assert calls == ["rename to watch.json"]


def test_a_failed_write_leaves_the_old_file_and_no_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "state").write_text("old\n")
    monkeypatch.setattr(files.os, "fsync", full)

    with pytest.raises(OSError, match="No space left"):
        write_atomic(tmp_path / "state", "new\n")

    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("state", "old\n")]


def test_the_first_writer_creates_a_file_and_later_ones_keep_it(tmp_path: Path, calls: list[str]):
    create_atomic(tmp_path / "key", "first\n")
    create_atomic(tmp_path / "key", "second\n")

    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("key", "first\n")]
    assert calls == 2 * ["fsync draft", f"fsync {tmp_path.name}"]


def test_a_secret_is_never_readable_by_others(tmp_path: Path):
    write_atomic(tmp_path / "password", b"secret\n", mode=0o600)

    assert (tmp_path / "password").stat().st_mode & 0o777 == 0o600
