"""The headers of tus 1.0 that a request has, checked."""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from processors.route import SHA256
from streams.ingest.problems import Problem

VERSION = "1.0.0"
CHUNK_TYPE = "application/offset+octet-stream"
ALGORITHMS = ("sha256", "sha1")
NUMBER = re.compile(r"[0-9]{1,18}\Z")
MOST_METADATA = 4096
Headers = Mapping[str, str]


@dataclass(frozen=True)
class Checksum:
    """The checksum that a chunk must have."""

    algorithm: str
    digest: bytes

    def hasher(self) -> "hashlib._Hash":
        """Computes the checksum of what it is given."""
        return hashlib.new(self.algorithm)


def require_version(headers: Headers) -> None:
    """Raise Problem unless the request is of a supported version."""
    stated = headers.get("tus-resumable")
    if stated != VERSION:
        found = f"Tus-Resumable is {stated!r}"
        raise Problem("upload.version-unknown", found, {"Tus-Version": VERSION})


def number(headers: Headers, name: str) -> int:
    """The number in a header. Raises Problem."""
    text = headers.get(name.lower(), "")
    if not NUMBER.match(text):
        raise Problem("upload.request-wrong", f"{name} is {text[:100]!r}, expected a number")
    return int(text)


def stated_sha256(headers: Headers) -> str:
    """The SHA-256 of the file in Upload-Metadata. Raises Problem."""
    metadata = headers.get("upload-metadata", "")
    if len(metadata) > MOST_METADATA:
        found = f"Upload-Metadata has {len(metadata)} characters, at most {MOST_METADATA}"
        raise Problem("upload.request-wrong", found)
    for pair in metadata.split(","):
        name, _, value = pair.strip().partition(" ")
        if name == "sha256":
            digest = _from_base64(value, "sha256 in Upload-Metadata").decode("latin-1")
            if SHA256.match(digest):
                return digest
            found = f"sha256 in Upload-Metadata is {digest[:100]!r}, expected 64 hex digits"
            raise Problem("upload.request-wrong", found)
    raise Problem("upload.request-wrong", "Upload-Metadata has no sha256")


def require_chunk(headers: Headers) -> None:
    """Raise Problem unless the body is a chunk."""
    stated = headers.get("content-type")
    if stated != CHUNK_TYPE:
        found = f"Content-Type is {stated!r}, expected {CHUNK_TYPE}"
        raise Problem("upload.request-wrong", found, status=415)


def stated_checksum(headers: Headers) -> Checksum | None:
    """The checksum of the chunk; None if the request has none. Raises Problem."""
    stated = headers.get("upload-checksum")
    if stated is None:
        return None
    algorithm, _, value = stated.partition(" ")
    if algorithm not in ALGORITHMS:
        found = f"Upload-Checksum has the algorithm {algorithm[:40]!r}"
        raise Problem("upload.request-wrong", f"{found}, expected {' or '.join(ALGORITHMS)}")
    return Checksum(algorithm, _from_base64(value, "Upload-Checksum"))


def _from_base64(text: str, what: str) -> bytes:
    try:
        return base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise Problem("upload.request-wrong", f"{what} is not base64") from None
