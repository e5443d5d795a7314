"""The XSD files are the ones that were looked at, or none."""

import shutil
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from infra import standards


def test_a_file_with_other_bytes_is_fetched_again_or_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "standards"
    shutil.copytree(standards.fetch(), folder)
    (folder / "xml.xsd").write_bytes(b"<other/>")

    monkeypatch.setattr(standards.subprocess, "run", _offline)

    assert not standards.present(folder)
    with pytest.raises(standards.StandardsMissing, match="make standards"):
        standards.fetch(folder)


def test_what_is_there_is_not_fetched_again(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = standards.fetch()

    monkeypatch.setattr(standards.subprocess, "run", _offline)

    assert standards.fetch() == folder


def _offline(*_: object, **__: object) -> object:
    return CompletedProcess([], 1, "", "no index")
