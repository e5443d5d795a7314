"""The digest of the pixels of a captured file, as the line computes it from the master."""

from hashlib import sha256
from pathlib import Path

from processors.imaging.header import Header
from streams.clients.capture.decoded_page import decode_page


def pixels_digest(path: Path, family: str, header: Header) -> str | None:
    """The SHA-256 of the pixels (docs/contract.md §2), or None if the station cannot decode them
    exactly. Decoders differ in the pixels of a compression that loses some."""
    decoded = None if header.lossy else decode_page(path, family, header)
    if decoded is None or not decoded.full_depth:
        return None
    samples = decoded.samples
    # The same order of bytes on every machine.
    return sha256(samples.astype(samples.dtype.newbyteorder("<"), copy=False).data).hexdigest()
