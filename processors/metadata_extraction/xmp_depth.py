"""How deep the XMP of an image is nested: exiftool takes minutes for one nested by the thousand."""

import re
from pathlib import Path

import pyvips

from processors.metadata_extraction.exiftool import Unusable

DEEPEST = 100
"""XMP written by programs is some ten elements deep (ISO 16684-1)."""
TAG = re.compile(rb"<(/?)[A-Za-z_][^<>]*?(/?)>")


def refuse_deep_xmp(master: Path) -> None:
    """Raises Unusable for an image whose XMP is nested deeper than any program nests it."""
    try:
        image = pyvips.Image.new_from_file(str(master), access="sequential")
        packet = image.get("xmp-data") if image.get_typeof("xmp-data") else b""
    except pyvips.Error:
        return  # no kind of image that libvips reads here; exiftool is the judge
    depth = depth_of(packet)
    if depth > DEEPEST:
        raise Unusable(f"XMP is nested {depth} levels deep; the embedded metadata was not read")


def depth_of(packet: bytes) -> int:
    """The deepest nesting of elements in a piece of XML, sound or not."""
    depth = deepest = 0
    for closing, empty in TAG.findall(packet):
        if closing:
            depth -= 1
        elif not empty:
            depth += 1
            deepest = max(deepest, depth)
    return deepest
