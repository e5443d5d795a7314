"""The versions that the files of recognition models state."""

import struct
from pathlib import Path

import pytest

from processors.ocr import installation


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(installation, "models_folder", lambda: tmp_path)
    monkeypatch.setattr(installation, "installed_models", lambda: frozenset({"deu"}))
    return tmp_path


def a_model(version: bytes, parts: int = 24, last: bytes = b"") -> bytes:
    """A model file with two parts: another one, and the version as its last but one."""
    begin = 4 + 8 * parts
    offsets = [-1] * parts
    offsets[0] = begin
    if parts > installation.VERSION_PART:
        offsets[installation.VERSION_PART] = begin + 5
    if last:
        offsets[1] = begin + 5 + len(version)
    return struct.pack(f"<i{parts}q", parts, *offsets) + b"other" + version + last


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (a_model(b"4.00.00alpha:deu:synth20170629"), {"deu": "4.00.00alpha:deu:synth20170629"}),
        (a_model(b"5.1", last=b"more"), {"deu": "5.1"}),
        (a_model(b"", parts=20), {}),
        (a_model(b"\xff\xfe"), {}),
        (b"not a model", {}),
        (b"", {}),
    ],
    ids=["last part", "part before another", "old form", "not text", "other file", "empty"],
)
def test_a_model_file_states_its_version_or_none(
    folder: Path, content: bytes, expected: dict[str, str]
) -> None:
    (folder / "deu.traineddata").write_bytes(content)

    assert installation.model_versions() == expected


def test_the_installed_models_state_their_versions() -> None:
    versions = installation.model_versions()

    assert "eng" in versions and "eng" in versions["eng"]
