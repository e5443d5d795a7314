"""Finds files of a page in a fact."""

from collections.abc import Iterable
from pathlib import PurePosixPath

from processors.imaging.format_identification import packaged_name
from processors.profile import Profile
from processors.tools import Storage
from schemas.models import FileRef

DIGITS_IN_NAME = 16


def file_for(use: str, files: Iterable[FileRef]) -> FileRef:
    """The file with a use. Raises LookupError if there is none."""
    for file in files:
        if file.use == use:
            return file
    raise LookupError(f"the fact names no file for {use}")


def master_name(item_id: str, ref: str, master: FileRef, image: int | None) -> str:
    """The name of a master in a package (docs/contract.md §7).

    Pages that are images of one file share it, so its name is made of its digest; no ref begins
    with an underscore."""
    if image is not None:
        ref = f"_{master.sha256[:DIGITS_IN_NAME]}"
    return packaged_name(item_id, ref, master.media_type)


def profile_of(files: Iterable[FileRef], storage: Storage) -> Profile:
    """The resolved profile in the files of a fact."""
    return Profile.from_json(storage.read(file_for("profile", files)))


def extension_of(name: str) -> str:
    """The last extension of a file name, lower-case, without dot."""
    return PurePosixPath(name.replace("\\", "/")).suffix.lower().lstrip(".")
