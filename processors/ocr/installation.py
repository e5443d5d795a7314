"""The installed program Tesseract and the recognition models beside it, which every engine uses."""

import hashlib
import re
import struct
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from processors.outcome import ToolMissing

GUARDED = Path(__file__).parent / "bin" / "tesseract"
"""Wrapper that runs Tesseract with one thread and ends it together with its caller."""
LISTING_SECONDS = 30
SUFFIX = ".traineddata"
VERSION_PART = 23
"""Number of the part with the version."""
MAX_PARTS, MAX_VERSION_BYTES = 100, 200


@dataclass(frozen=True)
class _ModelFile:
    """A state of the file of a model."""

    path: Path
    inode: int
    size_bytes: int
    changed_ns: int


def installed_models() -> frozenset[str]:
    """The installed models. Raises ToolMissing."""
    return _listing()[1]


def models_folder() -> Path:
    """The folder of the installed models. Raises ToolMissing."""
    return _listing()[0]


def model_digest(model: str) -> str | None:
    """The digest of an installed model as sha256:HEX; None if it is not installed.

    Raises ToolMissing."""
    path = models_folder() / f"{model}{SUFFIX}"
    try:
        state = path.stat()
        return _digest(_ModelFile(path, state.st_ino, state.st_size, state.st_mtime_ns))
    except FileNotFoundError:
        return None


def model_digests() -> dict[str, str]:
    """The digest of each installed model. Raises ToolMissing."""
    found = ((model, model_digest(model)) for model in sorted(installed_models()))
    return {model: digest for model, digest in found if digest}


def model_versions() -> dict[str, str]:
    """The version that the file of each installed model states. Raises ToolMissing."""
    folder = models_folder()
    found = (
        (model, _stated_version(folder / f"{model}{SUFFIX}"))
        for model in sorted(installed_models())
    )
    return {model: version for model, version in found if version}


def _stated_version(path: Path) -> str | None:
    """The version in a model file, which begins with the number and the offsets of its parts; a
    part that is not there has the offset -1."""
    try:
        with path.open("rb") as file:
            (count,) = struct.unpack("<i", file.read(4))
            if not VERSION_PART < count <= MAX_PARTS:
                return None
            offsets = struct.unpack(f"<{count}q", file.read(8 * count))
            start = offsets[VERSION_PART]
            if start < 0:
                return None
            file.seek(start)
            end = min((one for one in offsets if one > start), default=path.stat().st_size)
            text = file.read(min(end - start, MAX_VERSION_BYTES)).decode("ascii")
    except (OSError, struct.error, UnicodeDecodeError, ValueError):
        return None
    version = text.strip("\0\n ")
    return version if version.isprintable() else None


@cache
def program_version() -> str:
    """The version of the program, such as 5.3.0. Raises ToolMissing."""
    first = (_query("--version").splitlines() or [""])[0]
    return first.removeprefix("tesseract").strip()


# Asked once for each state of a file: a package manager may replace a model at any time.
@cache
def _digest(file: _ModelFile) -> str:
    with file.path.open("rb") as content:
        return f"sha256:{hashlib.file_digest(content, 'sha256').hexdigest()}"


@cache
def _listing() -> tuple[Path, frozenset[str]]:
    """The folder of the models and their names, as the program reports them."""
    first, *names = _query("--list-langs").splitlines() or [""]
    folder = re.search(r'"(.*)"', first)
    return Path(folder[1] if folder else ""), frozenset(names)


def _query(option: str) -> str:
    try:
        answer = subprocess.run(
            [str(GUARDED), option],
            capture_output=True,
            text=True,
            timeout=LISTING_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ToolMissing(f"tesseract {option} gave no answer: {error}") from None
    return answer.stdout
