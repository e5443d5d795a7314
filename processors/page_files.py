"""Finds files of a page in a fact."""

from collections.abc import Iterable
from pathlib import PurePosixPath

from processors.profile import Profile
from processors.tools import Storage
from schemas.models import FileRef


def file_for(use: str, files: Iterable[FileRef]) -> FileRef:
    """The file with a use. Raises LookupError if there is none."""
    for file in files:
        if file.use == use:
            return file
    raise LookupError(f"the fact names no file for {use}")


def profile_of(files: Iterable[FileRef], storage: Storage) -> Profile:
    """The resolved profile in the files of a fact."""
    return Profile.from_json(storage.read(file_for("profile", files)))


def extension_of(name: str) -> str:
    """The last extension of a file name, lower-case, without dot."""
    return PurePosixPath(name.replace("\\", "/")).suffix.lower().lstrip(".")
