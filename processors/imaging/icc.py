"""Reads ICC profiles: description, damage, and mismatch with an image (ICC.1:2022)."""

import struct

UNNAMED = "unnamed ICC profile"
HEADER_BYTES = 128
MAX_TAGS = 1000
LINKS = (b"link", b"abst", b"nmcl")
"""Profile classes that do not describe the colours of an image (7.2.7)."""
INPUT = b"scnr"
SPACES = {"greyscale": b"GRAY", "rgb": b"RGB ", "cmyk": b"CMYK"}


def damage(profile: bytes) -> str | None:
    """Why a profile is damaged, or None (7.2 and 7.3)."""
    size = len(profile)
    if size < HEADER_BYTES + 4:
        return f"it has only {size} bytes"
    (stated,), (count,) = struct.unpack_from(">I", profile), struct.unpack_from(">I", profile, 128)
    if profile[36:40] != b"acsp":
        return "its signature is missing"
    if stated > size or profile[stated:].strip(b"\0"):
        return f"it states {stated} bytes and has {size}"
    if count > MAX_TAGS or HEADER_BYTES + 4 + 12 * count > size:
        return f"it states {count} tags, which do not fit in {size} bytes"
    for name, offset, length in struct.iter_unpack(">4sII", profile[132 : 132 + 12 * count]):
        if offset + length > size:
            return f"its tag {_shown(name)} ends at byte {offset + length}, it has {size} bytes"
    return None


def mismatch(profile: bytes, colour_space: str) -> str | None:
    """Why an intact profile does not match the image, or None (7.2.7 and 7.2.8)."""
    if profile[12:16] in LINKS:
        return f"its class is {_shown(profile[12:16])}, which does not describe images"
    wanted = SPACES.get(colour_space)
    if wanted and profile[16:20] != wanted:
        return f"its colour space is {_shown(profile[16:20])}, the image is {colour_space}"
    return None


def is_of_device(profile: bytes) -> bool:
    """Whether a profile describes one scanner or camera (7.2.7)."""
    return profile[12:16] == INPUT


def _shown(signature: bytes) -> str:
    return repr(signature.decode("ascii", "replace").strip())


def description(profile: bytes) -> str:
    """The profile's description, from a `desc` tag of either version (9.2.41 and 10.15)."""
    try:
        (count,) = struct.unpack_from(">I", profile, 128)
        for entry in range(min(count, 100)):
            name, offset, size = struct.unpack_from(">4sII", profile, 132 + 12 * entry)
            if name == b"desc":
                return _text(profile[offset : offset + size]) or UNNAMED
    except struct.error:
        pass
    return UNNAMED


def _text(tag: bytes) -> str:
    if tag.startswith(b"desc"):
        (length,) = struct.unpack_from(">I", tag, 8)
        text = tag[12 : 12 + length].decode("latin-1")
    elif tag.startswith(b"mluc"):
        length, offset = struct.unpack_from(">II", tag, 20)
        text = tag[offset : offset + length].decode("utf-16-be", "replace")
    else:
        return ""
    return "".join(sign for sign in text if sign.isprintable()).strip()[:200]
