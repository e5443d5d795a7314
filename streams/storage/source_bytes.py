"""The bytes of a file or value on their way to a bucket, in parts, compared with their digest."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from processors.outcome import StorageError

PART_BYTES = 16 << 20
"""Size of one request; at most two such parts of an object are in memory."""


def digest_and_size(source: Path | bytes) -> tuple[str, int]:
    """SHA-256 and size of a file or value. Raises OSError."""
    if isinstance(source, bytes):
        return hashlib.sha256(source).hexdigest(), len(source)
    with source.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return digest, file.tell()


def bytes_of(source: Path | bytes, digest: str) -> bytes:
    """The bytes of the source. Raises StorageError if they do not have the digest."""
    value = source if isinstance(source, bytes) else source.read_bytes()
    if hashlib.sha256(value).hexdigest() != digest:
        raise StorageError(f"{source!r} changed while it was stored")
    return value


def unchanged_parts(
    source: Path | bytes, digest: str, part_bytes: int = PART_BYTES
) -> Iterator[bytes]:
    """The source in parts. If it has changed since the digest was computed, the last part raises an
    error, and the upload is aborted before it is visible."""
    seen = hashlib.sha256()
    for part in parts_of(source, part_bytes):
        seen.update(part)
        yield part
    if seen.hexdigest() != digest:
        raise StorageError("the file changed while it was stored")


def parts_of(source: Path | bytes, part_bytes: int = PART_BYTES) -> Iterator[bytes]:
    """The source in parts. Raises OSError."""
    if isinstance(source, bytes):
        yield from (source[at : at + part_bytes] for at in range(0, len(source), part_bytes))
        return
    with source.open("rb") as file:
        while chunk := file.read(part_bytes):
            yield chunk
