"""A home is for its owner alone; folders that a user names keep the umask of the user."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra import permissions
from infra.permissions import LOCK, make_private, umask_of_user, use_private_umask


@pytest.fixture(autouse=True)
def umask(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The user's umask is 0o027, whatever it is here."""
    monkeypatch.setattr(permissions, "_umask_of_user", None)
    before = os.umask(0o027)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_files_are_private_except_in_folders_that_the_user_named(tmp_path: Path):
    use_private_umask()
    use_private_umask()
    (tmp_path / "ours").touch()
    with umask_of_user() as umask:
        (tmp_path / "theirs").touch()
    (tmp_path / "ours-again").touch()

    assert umask == 0o027
    modes = [mode(tmp_path / name) for name in ("ours", "theirs", "ours-again")]
    assert modes == [0o600, 0o640, 0o600]


def test_a_program_that_uses_the_client_keeps_its_own_umask(tmp_path: Path):
    with umask_of_user() as umask:
        (tmp_path / "theirs").touch()

    assert (umask, mode(tmp_path / "theirs")) == (0o027, 0o640)


def test_an_open_home_is_made_private_once(tmp_path: Path):
    (tmp_path / LOCK).parent.mkdir()
    (tmp_path / LOCK).touch(mode=0o644)
    tmp_path.chmod(0o755)

    assert [make_private(tmp_path), make_private(tmp_path)] == ["0755", ""]
    assert (mode(tmp_path), mode(tmp_path / LOCK)) == (0o700, 0o600)
