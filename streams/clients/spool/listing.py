"""What a folder contains, by names, sizes and times: taken in a moment, and compared later."""

import os
import stat
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from schemas.models import Diagnostic
from streams.clients.station.findings import finding
from streams.clients.station.scan import SKIPPED

SYSTEM_NAMES = frozenset(name.encode() for name in SKIPPED)
CHANGED = "its size or modification time changed after the delivery was queued"
REMOVED = "it was removed after the delivery was queued"
ADDED = "it was added after the delivery was queued"

Listing = Mapping[bytes, tuple[int, int]]
"""Size and modification time in ns of each file, by its path in the folder."""


def listing_of(folder: Path) -> Listing:
    """The regular files of a folder, without hidden and system files. Raises OSError."""
    return dict(_walk(os.fsencode(folder), b""))


def _walk(folder: bytes, above: bytes) -> Iterator[tuple[bytes, tuple[int, int]]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            name = above + entry.name
            if entry.name.startswith(b".") or entry.name.lower() in SYSTEM_NAMES:
                continue
            state = entry.stat(follow_symlinks=False)
            if stat.S_ISDIR(state.st_mode):
                yield from _walk(entry.path, name + b"/")
            elif stat.S_ISREG(state.st_mode):
                yield name, (state.st_size, state.st_mtime_ns)


def packed(listing: Listing) -> bytes:
    """A listing as one value; a name has no byte 0."""
    lines = (b"%d %d %b" % (*state, name) for name, state in listing.items())
    return zlib.compress(b"\0".join(lines), 1)


def unpacked(content: bytes) -> Listing:
    """The listing that was packed."""
    lines = zlib.decompress(content).split(b"\0")
    parts = (line.split(b" ", 2) for line in lines if line)
    return {name: (int(size), int(modified)) for size, modified, name in parts}


def differences(before: Listing, after: Listing) -> list[Diagnostic]:
    """A diagnostic for each file that differs between two listings, by name."""
    found = {name: REMOVED for name in before.keys() - after.keys()}
    found |= {name: ADDED for name in after.keys() - before.keys()}
    both = before.keys() & after.keys()
    found |= {name: CHANGED for name in both if before[name] != after[name]}
    return [
        finding("file.changed-meanwhile", os.fsdecode(name), found[name]) for name in sorted(found)
    ]
