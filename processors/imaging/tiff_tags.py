"""Checks single tags by TIFF 6.0 and Exif."""

import re

from processors.imaging.tiff_directory import (
    ASCII,
    PIXEL_TAGS,
    RATIONAL,
    SIZES,
    UNDEFINED,
    Directory,
    Entry,
    outside,
)

INTEGERS = frozenset({1, 3, 4, 16})
"""Readers accept any unsigned integer type for another (TIFF 6.0, section 2)."""
POINTERS = frozenset({4, 13, 16, 18})
TEXT, RATIO = frozenset({ASCII}), frozenset({RATIONAL})
OPAQUE = frozenset({1, UNDEFINED})
EXIF, GPS, INTEROPERABILITY, SUB_IMAGES = 34665, 34853, 40965, 330
SUB_DIRECTORIES = {
    SUB_IMAGES: "SubIFDs",
    EXIF: "the Exif directory",
    GPS: "the GPS directory",
    INTEROPERABILITY: "the interoperability directory",
}
KINDS = {
    **dict.fromkeys((254, 255, 256, 257, 258, 259, 262, 263, 266, 273, 274, 277, 278), INTEGERS),
    **dict.fromkeys((279, 284, 296, 297, 317, 320, 322, 323, 324, 325, 338, 339), INTEGERS),
    **dict.fromkeys((269, 270, 271, 272, 285, 305, 306, 315, 316, 33432), TEXT),
    **dict.fromkeys((36867, 36868), TEXT),
    **dict.fromkeys((282, 283, 286, 287), RATIO),
    **dict.fromkeys(SUB_DIRECTORIES, POINTERS),
    34675: OPAQUE,
}
SINGLE = frozenset({254, 256, 257, 259, 262, 266, 274, 277, 278, 282, 283, 284, 296})
"""Tags with exactly one value."""
DATES = frozenset({306, 36867, 36868})
DATE = re.compile(rb"\d{4}:(0[1-9]|1[0-2]):(0[1-9]|[12]\d|3[01]) ([01]\d|2[0-4]):[0-5]\d:[0-6]\d\0")
NO_DATE = re.compile(rb"[ 0:]*\0")
"""Exif allows spaces for an unknown date; cameras write zeros."""


def violations(directory: Directory) -> list[str]:
    """The violations of the tags of a directory, including their order."""
    found: list[str] = []
    before = -1
    for entry in directory.entries:
        if entry.tag == before:
            found.append(f"tag {entry.tag} occurs twice")
        elif entry.tag < before:
            found.append(f"tag {entry.tag} follows tag {before}")
        before = entry.tag
        found += of_entry(directory, entry)
    return found


def contradictions(directory: Directory) -> list[str]:
    """Tags of the pixels that occur twice with different values."""
    found = []
    for entry in directory.entries:
        first = directory.by_tag.get(entry.tag)
        if entry.tag in PIXEL_TAGS and first and directory.raw(entry) != directory.raw(first):
            found.append(f"tag {entry.tag} occurs twice with different values")
    return found


def of_entry(directory: Directory, entry: Entry) -> list[str]:
    """The violations of one tag."""
    if entry.outside:
        return [outside(entry, len(directory.data))]
    tag, kinds = entry.tag, KINDS.get(entry.tag)
    if entry.kind not in SIZES:
        return [f"tag {tag} has the unknown type {entry.kind}"]
    if kinds and entry.kind not in kinds:
        return [f"tag {tag} has the wrong type {entry.kind}"]
    if not entry.values:
        return [f"tag {tag} has no value"]
    if tag in SINGLE and entry.values != 1:
        return [f"tag {tag} has {entry.values} values, expected 1"]
    if entry.kind == ASCII:
        return _of_text(directory, entry)
    return []


def _of_text(directory: Directory, entry: Entry) -> list[str]:
    last = entry.at + entry.length - 1
    if directory.data[last] != 0:
        return [f"the text in tag {entry.tag} does not end with a NUL byte"]
    if entry.tag not in DATES:
        return []
    text = directory.raw(entry) if entry.length == 20 else b""
    if DATE.fullmatch(text) or NO_DATE.fullmatch(text):
        return []
    return [f"the date in tag {entry.tag} is not in the form YYYY:MM:DD HH:MM:SS"]
