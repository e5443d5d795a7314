"""The name that an ICC profile gives itself (ICC.1:2022, 9.2.41 and 10.15)."""

import struct

UNNAMED = "unnamed ICC profile"


def description(profile: bytes) -> str:
    """The profile's description, from a `desc` tag of either version of the format."""
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
