"""The XSD files have the committed digests."""

import shutil
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from infra import standards


def test_a_file_with_another_digest_is_downloaded_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "standards"
    shutil.copytree(standards.fetch(), folder)
    (folder / "xml.xsd").write_bytes(b"<other/>")

    monkeypatch.setattr(standards.subprocess, "run", _offline)

    assert not standards.present(folder)
    with pytest.raises(standards.StandardsMissing, match="make standards"):
        standards.fetch(folder)


def test_present_files_are_not_downloaded_again(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = standards.fetch()

    monkeypatch.setattr(standards.subprocess, "run", _offline)

    assert standards.fetch() == folder


def _offline(*_: object, **__: object) -> object:
    return CompletedProcess([], 1, "", "no index")
