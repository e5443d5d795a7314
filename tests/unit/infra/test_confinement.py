"""The command with which root starts a server: without capabilities where the machine permits it."""

from pathlib import Path

import pytest

from infra import confinement
from infra.confinement import as_user


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder below a closed home, in a folder that all can enter."""
    (tmp_path / "home" / "postgres").mkdir(parents=True)
    (tmp_path / "home").chmod(0o700)
    return tmp_path / "home" / "postgres"


def test_the_server_has_a_namespace_and_no_capabilities(
    data: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(confinement, "_works", lambda namespace: True)

    words = as_user("postgres", data)

    assert words[0] == "unshare" and str(data) in words
    assert "--bounding-set=-all" in words and "--no-new-privs" in words
    assert "dac_override" not in " ".join(words)
    assert words[-3:] == ["--pdeathsig", "KILL", "--"]


def test_a_machine_without_namespaces_gives_one_capability(
    data: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(confinement, "_works", lambda namespace: False)

    words = as_user("postgres", data)

    assert words[0] == "setpriv" and "--ambient-caps=+dac_override" in words
    assert words[-3:] == ["--pdeathsig", "KILL", "--"]


def test_the_highest_closed_folder_is_covered(data: Path):
    top = data.parents[1]
    top.chmod(0o755)
    highest = [one for one in data.parents if not one.stat().st_mode & 0o001][-1]

    assert confinement._closed_folder(data) == highest
    data.parent.chmod(0o755)
    assert confinement._closed_folder(data) != data
