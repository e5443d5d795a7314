"""Describes what the bytes of a file are, in words, for files that are not what their name says."""

from pathlib import Path

from processors.imaging.format_identification import HEAD_BYTES, Format, identify

EMPTY = "an empty file"
UNKNOWN = "a file of unknown format"
ZEROS = "a file of zeros"
HTML = (b"<!doctype html", b"<html")
WHITE_SPACE = b"\xef\xbb\xbf \t\r\n"


def describe_file(path: Path) -> str:
    """What a file is by its first bytes. Raises OSError."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    return describe(head, identify(head))


def describe(head: bytes, identified: Format | None) -> str:
    """What a file with these first bytes is, if its format is unknown or already identified."""
    if identified:
        return identified.name
    if not head:
        return EMPTY
    if not head.strip(b"\0"):
        return f"{ZEROS}: its first {len(head)} bytes"
    if head.lstrip(WHITE_SPACE).lower().startswith(HTML):
        return "an HTML page"
    try:
        head[: HEAD_BYTES - 4].decode()
    except UnicodeDecodeError:
        return UNKNOWN
    return "plain text" if b"\0" not in head else UNKNOWN


def is_unidentified(description: str) -> bool:
    """Whether a description leaves open what a file is: it may be a damaged image."""
    return description in (EMPTY, UNKNOWN) or description.startswith(ZEROS)
