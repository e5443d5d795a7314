"""Matches corrected files in a folder to quarantined pages, by the names of their files."""

import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from processors.imaging.image_of_file import count_images

T = TypeVar("T")


def records_of_one_file(listed: Iterable[Mapping[str, Any]]) -> list[list[str]]:
    """The records whose pages are images of the same file."""
    of_file: dict[tuple[str, str], list[str]] = {}
    for row in listed:
        if row["item_of_image"] is not None:
            of_file.setdefault((row["item_of_image"], row["path"]), []).append(row["quarantine_id"])
    return [sorted(names) for names in of_file.values() if len(names) > 1]


def corrected_files(
    folder: Path, delivered: dict[str, str], together: Iterable[list[str]] = ()
) -> dict[str, Path]:
    """The corrected file of each record that has exactly one, by quarantine id.

    `delivered` has the delivered path of the page by quarantine id; records that are `together` are
    of images of one file, which a corrected file must all have. A file matches if its path ends
    like that path, else if no other file and no other page has its name, else its name without
    suffix."""
    groups = list(together)
    further = {name for names in groups for name in names[1:]}
    found = _matched(
        folder, {name: path for name, path in delivered.items() if name not in further}
    )
    for first, *others in groups:
        file = found.get(first)
        if file is not None and count_images(file) == 1:
            del found[first]
        elif file is not None:
            found |= dict.fromkeys(others, file)
    return found


def _matched(folder: Path, delivered: dict[str, str]) -> dict[str, Path]:
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
