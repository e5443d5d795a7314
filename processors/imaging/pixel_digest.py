"""The digest of the pixels of an image, which stays the same in another lossless format."""

import sys
from hashlib import sha256
from pathlib import Path

import pyvips

from processors.imaging.decode import decoding, open_image
from processors.imaging.header import Header

SAMPLE_BYTES = {"uchar": 1, "ushort": 2}


def pixels_digest(path: Path, header: Header) -> str | None:
    """The SHA-256 of the pixels (docs/contract.md §2); None for a compression that loses some, and
    for samples of other lengths. Raises Undecodable."""
    if header.lossy:
        return None
    digest = sha256()

    def write(block: bytes) -> int:
        digest.update(block)
        return len(block)

    with decoding(path):
        image = open_image(path, access="sequential")
        if image.format not in SAMPLE_BYTES:
            return None
        if sys.byteorder == "big" and SAMPLE_BYTES[image.format] > 1:
            image = image.byteswap()
        target = pyvips.TargetCustom()
        target.on_write(write)
        image.rawsave_target(target)
    return digest.hexdigest()
