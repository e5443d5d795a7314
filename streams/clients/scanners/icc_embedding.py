"""Embeds the ICC profile of a device in a JPEG or PNG without touching its pixels."""

import struct
import zlib
from pathlib import Path

JPEG_START, PNG_START = b"\xff\xd8", b"\x89PNG\r\n\x1a\n"
ICC_MARKER = b"ICC_PROFILE\0"
CHUNK_BYTES = 65_000
"""A segment of a JPEG holds 65,533 bytes; a profile takes as many as it needs (ICC.1, B.4)."""
APP0, APP1, APP2 = 0xE0, 0xE1, 0xE2
FORMATS = ("jpeg", "png")


def embed_icc(page: Path, icc: bytes) -> None:
    """Embed a profile in a page, unless it has one. A file of another format stays as it is."""
    content = page.read_bytes()
    if content.startswith(JPEG_START):
        embedded = _in_jpeg(content, icc)
    elif content.startswith(PNG_START):
        embedded = _in_png(content, icc)
    else:
        return
    if embedded is not None:
        page.write_bytes(embedded)


def _in_jpeg(content: bytes, icc: bytes) -> bytes | None:
    """After the segments that must come first, which are those of JFIF and Exif."""
    at = after = len(JPEG_START)
    while content[at : at + 1] == b"\xff" and at + 4 <= len(content):
        marker, (length,) = content[at + 1], struct.unpack_from(">H", content, at + 2)
        if not APP0 <= marker <= 0xEF:
            break
        if marker == APP2 and content[at + 4 :].startswith(ICC_MARKER):
            return None
        at += 2 + length
        if marker in (APP0, APP1):
            after = at
    parts = [icc[start : start + CHUNK_BYTES] for start in range(0, len(icc), CHUNK_BYTES)]
    segments = b"".join(
        struct.pack(">BBH", 0xFF, APP2, 2 + len(ICC_MARKER) + 2 + len(part))
        + ICC_MARKER
        + bytes((number, len(parts)))
        + part
        for number, part in enumerate(parts, 1)
    )
    return content[:after] + segments + content[after:]


def _in_png(content: bytes, icc: bytes) -> bytes | None:
    """After the header, which is the first chunk."""
    if b"iCCP" in content[: content.find(b"IDAT")]:
        return None
    (length,) = struct.unpack_from(">I", content, len(PNG_START))
    after = len(PNG_START) + 12 + length
    body = b"device\0\0" + zlib.compress(icc)
    check = zlib.crc32(b"iCCP" + body)
    chunk = struct.pack(">I", len(body)) + b"iCCP" + body + struct.pack(">I", check)
    return content[:after] + chunk + content[after:]
