"""Names, folders and METS groups of the files in a package."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from processors.imaging import format_identification
from processors.pipeline import package_files
from schemas.ids import made_safe
from schemas.models import FileRef

TARGET = "target"
TARGETS = "TARGET"
"""METS group of the masters of targets."""
DERIVATIVE_GROUPS = ("DEFAULT", "THUMBS")
"""METS groups whose files count as derivatives."""
METADATA = "data/metadata"
SUBMITTED = f"{METADATA}/submitted"

SUFFIX_OF_TYPE = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/tiff": ".tif",
    "image/webp": ".webp",
}


def packaged_name(page_id: str, use: str, media_type: str) -> str:
    """Name of a page's file in its package, for example ms-fol-88_0001.tif.

    Raises KeyError for a use that is not in packages."""
    item_id, _, ref = page_id.rpartition(":")
    if use == "master":
        # ALTO and hOCR contain the same name.
        return format_identification.packaged_name(item_id, ref, media_type)
    file = package_files()[use]
    suffix = file.suffix or SUFFIX_OF_TYPE.get(media_type, ".bin")
    return f"{item_id}_{ref}{file.infix}{suffix}"


def groups() -> tuple[str, ...]:
    """The METS groups, in order."""
    return (*dict.fromkeys(file.group for file in package_files().values()), TARGETS)


def submitted_name(delivered: str) -> str:
    """The name of a delivered record without folders, valid on every file system."""
    name = PurePosixPath(delivered.replace("\\", "/")).name
    stem, dot, suffix = name.rpartition(".")
    if not stem:
        return made_safe(name)
    return f"{made_safe(stem)}{dot}{made_safe(suffix)}"


@dataclass(frozen=True, slots=True)
class Payload:
    """A file of the package below data/. An item may have 200,000, so the object is small."""

    path: str
    """Path relative to the root of the bag."""
    source: str | Path
    """Its bytes: a key of the store, or a file that was just written."""
    sha256: str
    size_bytes: int
    media_type: str
    use: str
    group: str = ""
    """METS group; empty for metadata."""
    page_id: str | None = None
    original_name: str | None = None
    event_id: str | None = None
    """PREMIS event that created it, if a fact has one."""
    made_by: tuple[str, str | None] | None = None
    """Name and version of the software that created it, if known."""
    image: int | None = None
    """The number of the page's image, if other pages are images of the same file."""

    @property
    def stored(self) -> FileRef:
        """Reference to the file in the store. Raises ValueError if it is not there."""
        if isinstance(self.source, Path):
            raise ValueError(f"{self.path} is not in the store")
        return FileRef(
            use=self.use,
            key=self.source,
            sha256=self.sha256,
            size_bytes=self.size_bytes,
            media_type=self.media_type,
        )

    @property
    def ref(self) -> str:
        """The page's ref; empty for metadata."""
        return (self.page_id or "").rpartition(":")[2]

    @property
    def xml_id(self) -> str:
        """Its ID in METS."""
        if self.image is not None:
            return f"{self.use}_{PurePosixPath(self.path).name}_{self.image}"
        if self.page_id or self.group:
            return f"{self.use}_{PurePosixPath(self.path).name}"
        return "MD_" + self.href.replace("/", "_")

    @property
    def href(self) -> str:
        """Its path relative to data/metadata/."""
        if self.path.startswith(METADATA + "/"):
            return self.path.removeprefix(METADATA + "/")
        return "../" + self.path.removeprefix("data/")


def unique_path(path: str, taken: set[str]) -> str:
    """The path, with _2, _3 … before its suffix if it is already used, ignoring case."""
    folder, name = path.rsplit("/", 1)
    pure, number = PurePosixPath(name), 1
    while path.casefold() in taken:
        number += 1
        path = f"{folder}/{pure.stem}_{number}{pure.suffix}"
    taken.add(path.casefold())
    return path
