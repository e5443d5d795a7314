"""Matches corrected files in a folder to quarantined pages, by the names of their files."""

import unicodedata
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import TypeVar

T = TypeVar("T")


def corrected_files(folder: Path, delivered: dict[str, str]) -> dict[str, Path]:
    """The corrected file of each record that has exactly one, by quarantine id.

    `delivered` has the delivered path of the page by quarantine id. A file matches if its path ends
    like that path, else if no other file and no other page has its name, else its name without
    suffix."""
    files = sorted(path for path in folder.rglob("*") if _is_file(folder, path))
    found: dict[str, Path] = {}
    for key in (_whole_path, _base_name, _stem):
        open_records = {name: path for name, path in delivered.items() if name not in found}
        by_record = _only_ones((key(path), name) for name, path in open_records.items())
        used = set(found.values())
        names = ((key(path.relative_to(folder).as_posix()), path) for path in files)
        by_file = _only_ones((one, path) for one, path in names if path not in used)
        found |= {name: by_file[one] for one, name in by_record.items() if one in by_file}
    return found


def _is_file(folder: Path, path: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    return path.is_file() and not path.is_symlink() and not hidden


def _only_ones(pairs: Iterable[tuple[str, T]]) -> dict[str, T]:
    """The values whose key no other value has."""
    found: dict[str, T] = {}
    twice: set[str] = set()
    for key, value in pairs:
        if key in found:
            twice.add(key)
        found[key] = value
    return {key: value for key, value in found.items() if key not in twice}


def _whole_path(path: str) -> str:
    return unicodedata.normalize("NFC", path).casefold()


def _base_name(path: str) -> str:
    return PurePosixPath(_whole_path(path)).name


def _stem(path: str) -> str:
    return PurePosixPath(_whole_path(path)).stem
