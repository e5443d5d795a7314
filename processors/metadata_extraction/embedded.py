"""What exiftool read of a file, without what it says of the run; and where to find things in it."""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

RUN_GROUPS = ("System", "ExifTool", "Composite")
"""Of the file system, of exiftool itself, and reckoned from other tags."""
LONGEST_VALUE = 20_000
LARGEST_DOCUMENT = 1_000_000
LONGEST_LINE = 500

MAKE = ("IFD0:Make", "XMP-tiff:Make")
MODEL = ("IFD0:Model", "XMP-tiff:Model")
SERIAL = ("ExifIFD:SerialNumber", "XMP-exifEX:SerialNumber", "XMP-aux:SerialNumber")
SOFTWARE = ("IFD0:Software", "XMP-xmp:CreatorTool", "PNG:Software")
DIGITIZED = (
    "ExifIFD:CreateDate",
    "ExifIFD:DateTimeOriginal",
    "XMP-exif:DateTimeDigitized",
    "XMP-xmp:CreateDate",
)
"""EXIF's CreateDate is DateTimeDigitized: of a scanned photograph DateTimeOriginal may be the day
on which the photograph was taken."""

BINARY = re.compile(r"\(Binary data \d+ bytes, use -b option to extract\)")
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
MOMENT = re.compile(
    r"(?P<year>\d{4})(?:[:-](?P<month>\d\d)(?:[:-](?P<day>\d\d)"
    r"(?:[ T](?P<time>\d\d:\d\d(?::\d\d)?)(?:\.\d+)?(?P<zone>Z|[+-]\d\d:\d\d)?)?)?)?"
)
FARTHEST_ZONE = "14:00"

Tags = dict[str, Any]


@dataclass(frozen=True)
class Embedded:
    """Tags by `group:name`, and what exiftool complained of."""

    tags: Tags
    complaints: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    """Names of tags that are too large to be kept."""

    def document(self) -> bytes:
        """All tags as JSON, sorted: the same file gives the same bytes."""
        text = json.dumps(self.tags, sort_keys=True, ensure_ascii=False, indent=1)
        return text.encode("utf-8", "replace") + b"\n"

    def text(self, *names: str) -> str | None:
        """The first of these tags that says something, as one line of text."""
        for name in names:
            for value in texts(self.tags.get(name)):
                if told := line(value):
                    return told
        return None

    def number(self, *names: str) -> float | None:
        """The first of these tags, as a number above 0."""
        try:
            number = float(self.text(*names) or 0)
        except ValueError:
            return None
        return number if math.isfinite(number) and number > 0 else None


def embedded_of(read: Tags) -> Embedded:
    """What a file says of itself, of what exiftool read."""
    complaints = sorted(
        line(str(value))
        for name, value in read.items()
        if name.startswith("ExifTool:") and name.rpartition(":")[2] in ("Warning", "Error")
    )
    tags: Tags = {}
    dropped, size = [], 0
    for name in sorted(read):
        value = _without_binary(read[name])
        if name == "SourceFile" or name.partition(":")[0] in RUN_GROUPS or value is None:
            continue
        length = len(name) + len(json.dumps(value, ensure_ascii=False))
        if length > LONGEST_VALUE or size + length > LARGEST_DOCUMENT:
            dropped.append(line(name))
        else:
            tags[name] = value
            size += length
    return Embedded(tags, tuple(complaints), tuple(dropped))


def texts(value: Any) -> Iterator[str]:
    """The texts of a value, of which a list has several and a structure none."""
    if isinstance(value, list):
        for one in value:
            yield from texts(one)
    elif isinstance(value, bool):
        yield "true" if value else "false"
    elif isinstance(value, str | int | float):
        yield str(value)


def line(text: str) -> str:
    """A text on one line, without control characters, and not too long."""
    return " ".join(CONTROL.sub(" ", text).split())[:LONGEST_LINE]


def moment(value: str | None) -> str | None:
    """A date of EXIF, IPTC or XMP as ISO 8601, as far as it is said and possible; else None."""
    found = MOMENT.fullmatch((value or "").strip())
    if found is None or found["year"] == "0000":
        return None
    year, month, day = found["year"], found["month"], found["day"]
    if month in (None, "00"):
        return year
    if day in (None, "00"):
        return f"{year}-{month}" if month <= "12" else None
    date = f"{year}-{month}-{day}"
    if not _exists(date):
        return None
    time = found["time"] or ""
    whole = f"{date}T{time if len(time) != len('00:00') else f'{time}:00'}"
    if not _exists(whole):
        return date
    zone = found["zone"] or ""
    possible = zone == "Z" or (zone[1:] <= FARTHEST_ZONE and zone[-2:] <= "59")
    return whole + (zone if possible else "")


def _exists(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _without_binary(value: Any) -> Any:
    """The value without what exiftool only tells the size of; None when nothing is left."""
    if isinstance(value, str) and BINARY.fullmatch(value):
        return None
    if isinstance(value, list):
        return [left for one in value if (left := _without_binary(one)) is not None] or None
    if isinstance(value, dict):
        kept = {name: _without_binary(one) for name, one in value.items()}
        return {name: one for name, one in kept.items() if one is not None} or None
    return value
