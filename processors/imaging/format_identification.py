"""Identifies file formats by their first bytes; names and identifiers are those of PRONOM."""

import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

TABLE = Path(__file__).parent / "formats.toml"

HEAD_BYTES = 65536
"""Bytes at the beginning of a file that identification reads."""


@dataclass(frozen=True)
class Format:
    """A file format; `family` is its name in profiles."""

    family: str
    name: str
    media_type: str
    puid: str | None = None
    version: str | None = None
    extensions: tuple[str, ...] = ()
    """Usual extensions, lower-case, without dot; the first is used in packages."""
    is_image: bool = True


_JPEG = ("jpg", "jpeg", "jpe", "jfif")
RAW_JPEG = Format("jpeg", "Raw JPEG Stream", "image/jpeg", "fmt/41", None, _JPEG)
SPIFF = Format(
    "jpeg",
    "Still Picture Interchange File Format",
    "image/jpeg",
    "fmt/112",
    "1.00",
    (*_JPEG, "spf"),
)
JPEG_LS = Format("jpeg-ls", "JPEG-LS", "image/jls", "fmt/150", None, ("jls",))
JFIF_PUIDS = {"1.00": "fmt/42", "1.01": "fmt/43", "1.02": "fmt/44"}
EXIF_PUIDS = {
    "0200": "x-fmt/398",
    "0210": "x-fmt/390",
    "0220": "x-fmt/391",
    "0221": "fmt/645",
    "0230": "fmt/1507",
    "0231": "fmt/1507",
    "0232": "fmt/1507",
    "0233": "fmt/1507",
}
PNG_PUIDS = {"1.0": "fmt/11", "1.1": "fmt/12", "1.2": "fmt/13"}


@cache
def _signatures() -> tuple[tuple[re.Pattern[bytes], Format], ...]:
    """Signatures and their formats, in the order in which they are tried."""
    rows = tomllib.loads(TABLE.read_text("utf-8"))["format"]
    return tuple((re.compile(row.pop("magic").encode(), re.DOTALL), _format(row)) for row in rows)


def _format(row: dict[str, Any]) -> Format:
    return Format(**{**row, "extensions": tuple(row["extensions"])})


def identify(head: bytes) -> Format | None:
    """The format of a file by its first HEAD_BYTES; None if unknown."""
    special: Callable[[bytes], Format]
    for magic, special in ((b"\xff\xd8\xff", _jpeg), (b"\x89PNG\r\n\x1a\n", _png), (b"BM", _bmp)):
        if head.startswith(magic) and (magic != b"BM" or _looks_like_bmp(head)):
            return special(head)
    return next((format_ for pattern, format_ in _signatures() if pattern.match(head)), None)


@cache
def image_extensions() -> frozenset[str]:
    """Extensions of image formats, lower-case, without dot."""
    formats = (RAW_JPEG, SPIFF, JPEG_LS, *(format_ for _, format_ in _signatures()))
    listed = {one for format_ in formats if format_.is_image for one in format_.extensions}
    return frozenset(listed | {"png", "bmp", "dib"})


def extension_for(media_type: str) -> str:
    """The extension that a master of this media type has in a package."""
    return {"image/tiff": "tif", "image/jpeg": "jpg", "image/png": "png"}.get(media_type, "bin")


def packaged_name(item_id: str, ref: str, media_type: str) -> str:
    """A page's file name in a package (docs/contract.md §7)."""
    return f"{item_id}_{ref}.{extension_for(media_type)}"


def _jpeg(head: bytes) -> Format:
    if head[3:4] == b"\xf7":
        return JPEG_LS
    if head[6:11] == b"JFIF\0" and len(head) > 12:
        version = f"{head[11]}.{head[12]:02d}"
        name = "JPEG File Interchange Format"
        return Format("jpeg", name, "image/jpeg", JFIF_PUIDS.get(version), version, _JPEG)
    if head[6:12] == b"SPIFF\0":
        return SPIFF
    if head[6:12] == b"Exif\0\0":
        # ExifVersion: tag 0x9000, type 7, count 4, in either byte order (Exif 2.3, 4.6.5).
        found = re.search(
            rb"(?:\x00\x90\x07\x00\x04\x00\x00\x00|\x90\x00\x00\x07\x00\x00\x00\x04)(\d{4})", head
        )
        digits = found.group(1).decode() if found else ""
        stated = f"{int(digits[:2])}.{digits[2:].rstrip('0') or '0'}" if digits else None
        name = "Exchangeable Image File Format (Compressed)"
        return Format("jpeg", name, "image/jpeg", EXIF_PUIDS.get(digits), stated, _JPEG)
    return RAW_JPEG


def _png(head: bytes) -> Format:
    # The version follows from the newest chunk type used (PNG 1.1: iCCP, sRGB, sPLT; 1.2: iTXt).
    version = "1.0"
    if any(chunk in head for chunk in (b"iCCP", b"sRGB", b"sPLT")):
        version = "1.1"
    if b"iTXt" in head:
        version = "1.2"
    name = "Portable Network Graphics"
    return Format("png", name, "image/png", PNG_PUIDS[version], version, ("png",))


def _looks_like_bmp(head: bytes) -> bool:
    # Many texts begin with "BM", so the length of the second header must be valid, too.
    return len(head) > 18 and int.from_bytes(head[14:18], "little") in (
        12,
        16,
        40,
        52,
        56,
        64,
        108,
        124,
    )


def _bmp(head: bytes) -> Format:
    puids = {40: ("fmt/116", "3.0"), 108: ("fmt/118", "4.0"), 124: ("fmt/119", "5.0")}
    puid, version = puids.get(int.from_bytes(head[14:18], "little"), (None, None))
    return Format("bmp", "Windows Bitmap", "image/bmp", puid, version, ("bmp", "dib"))
