"""Scans a delivered folder: its files, their formats by content, and what is refused."""

import os
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from processors.imaging import format_identification
from processors.imaging.content_description import describe
from processors.records import HEAD_BYTES, NotXml, Root, root_of
from processors.rules.codes import shown
from schemas.models import Diagnostic
from streams.clients.station.findings import finding

SKIPPED = ("thumbs.db", "desktop.ini")
Progress = Callable[[str, int, int], None]
"""Called with the name of the current work, the amount done, and the total."""


def silent(_what: str, _done: int, _total: int) -> None:
    """Reports no progress."""


def is_system(name: str) -> bool:
    """Whether a name is that of a hidden or system file, such as Thumbs.db."""
    return any(part.startswith(".") or part.casefold() in SKIPPED for part in name.split("/"))


@dataclass(frozen=True)
class DeliveredFile:
    """One file of a delivery."""

    path: Path
    name: str
    """Its path relative to the delivered folder, with `/`."""
    size_bytes: int
    modified_ns: int
    media_type: str | None
    """Identified by content; None for an unknown format."""
    is_image: bool
    root: Root | None
    """Root element of an XML file."""
    description: str
    """What it was identified as, in words."""

    @property
    def is_skipped(self) -> bool:
        """Whether it is a hidden or system file, which only a bag manifest can list."""
        return is_system(self.name)

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts of its name."""
        return tuple(self.name.split("/"))

    @property
    def base_name(self) -> str:
        """The last part of its name."""
        return self.parts[-1]

    @property
    def is_page(self) -> bool:
        """Whether it is an image by content or by suffix: a damaged image is a page, too."""
        suffix = self.base_name.rpartition(".")[2].casefold()
        return self.is_image or suffix in format_identification.image_extensions()

    def is_as_scanned(self) -> bool:
        """Whether the file still has the size and modification time of the scan."""
        now = self.path.stat()
        return (now.st_size, now.st_mtime_ns) == (self.size_bytes, self.modified_ns)


@dataclass
class Scan:
    """All files of a delivery in natural order, and what was found on the way."""

    folder: Path
    files: list[DeliveredFile] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    skipped: int = 0
    """Number of hidden links, devices and pipes, which are not opened."""


def natural(name: str) -> tuple[object, ...]:
    """A sort key that puts `f2` before `f10`, in the digits of every script, and compares folders
    part by part."""
    return tuple(
        (
            tuple(
                (0, int(run), "") if run.isdecimal() else (1, 0, run.casefold())
                for run in re.split(r"(\d+)", part)
                if run
            ),
            part,
        )
        for part in name.split("/")
    )


def scan(folder: Path) -> Scan:
    """Scan a folder. Opens no link, device or pipe, and changes nothing."""
    scanned = Scan(folder)
    name = folder.resolve().name
    if not _is_text(name):
        scanned.diagnostics.append(finding("folder.name-not-utf8", shown(name), os.fsencode(name)))
    for path, name in _walk(folder, "", scanned):
        try:
            scanned.files.append(read_file(path, name))
        except OSError as failed:
            scanned.diagnostics.append(finding("file.unreadable", name, failed.strerror or failed))
    scanned.files.sort(key=lambda one: natural(one.name))
    return scanned


def _walk(folder: Path, above: str, scanned: Scan) -> Iterator[tuple[Path, str]]:
    found, hidden = scanned.diagnostics, any(part.startswith(".") for part in above.split("/"))
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: os.fsencode(entry.name))
    except OSError as failed:
        found.append(finding("file.unreadable", above or ".", failed.strerror or failed))
        return
    for entry in entries:
        name = f"{above}/{entry.name}" if above else entry.name
        mode = entry.stat(follow_symlinks=False).st_mode
        plain = stat.S_ISREG(mode) or stat.S_ISDIR(mode)
        if (hidden or entry.name.startswith(".")) and not (plain and _is_text(entry.name)):
            scanned.skipped += 1
            continue
        if stat.S_ISLNK(mode):
            found.append(finding("folder.link", shown(name), f"a link to {os.readlink(entry)}"))
        elif not _is_text(entry.name):
            found.append(finding("folder.name-not-utf8", shown(name), os.fsencode(entry.name)))
        elif stat.S_ISDIR(mode):
            yield from _walk(Path(entry.path), name, scanned)
        elif stat.S_ISREG(mode):
            yield Path(entry.path), name
        else:
            found.append(finding("folder.special-file", name, "a device, pipe or socket"))


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def read_file(path: Path, name: str) -> DeliveredFile:
    """A file with what it is by its first bytes. Raises OSError."""
    with path.open("rb") as file:
        state, head = os.fstat(file.fileno()), file.read(HEAD_BYTES)
    identified = format_identification.identify(head)
    is_image = identified is not None and identified.is_image
    root = None
    if not is_image and head.lstrip(b"\xef\xbb\xbf \t\r\n\0\xff\xfe").startswith(b"<"):
        try:
            root = root_of(head)
        except NotXml:
            root = None
    return DeliveredFile(
        path=path,
        name=name,
        size_bytes=state.st_size,
        modified_ns=state.st_mtime_ns,
        media_type=identified.media_type if identified else None,
        is_image=is_image,
        root=root,
        description=root.description if root else describe(head, identified),
    )
