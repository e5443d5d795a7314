"""Refuses deeply nested XMP, for which exiftool would need minutes."""

import re
from pathlib import Path

import pyvips

from processors.metadata_extraction.exiftool import UnusableMetadata

MAX_DEPTH = 100
"""XMP written by programs is about ten elements deep (ISO 16684-1)."""
TAG = re.compile(rb"<(/?)[A-Za-z_][^<>]*?(/?)>")


def refuse_deep_xmp(master: Path) -> None:
    """Raises UnusableMetadata if the XMP of an image is nested deeper than MAX_DEPTH."""
    try:
        image = pyvips.Image.new_from_file(str(master), access="sequential")
        packet = image.get("xmp-data") if image.get_typeof("xmp-data") else b""
    except pyvips.Error:
        return  # libvips cannot read the image; exiftool will report it.
    depth = depth_of(packet)
    if depth > MAX_DEPTH:
        raise UnusableMetadata(
            f"XMP is nested {depth} levels deep; the embedded metadata was not read"
        )


def depth_of(packet: bytes) -> int:
    """The maximum depth of elements in XML, which need not be well-formed."""
    depth = deepest = 0
    for closing, empty in TAG.findall(packet):
        if closing:
            depth -= 1
        elif not empty:
            depth += 1
            deepest = max(deepest, depth)
    return deepest
