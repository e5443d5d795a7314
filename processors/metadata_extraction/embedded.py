"""The tags that exiftool read from a file, without those that describe the run."""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

RUN_GROUPS = ("System", "ExifTool", "Composite")
"""Groups from the file system, from exiftool itself, and computed from other tags."""
MAX_VALUE_LENGTH = 20_000
MAX_DOCUMENT_LENGTH = 1_000_000
MAX_LINE_LENGTH = 500

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
"""CreateDate of EXIF is DateTimeDigitized. DateTimeOriginal may be the date on which a scanned
photograph was taken."""

NOTICE = re.compile(r"\[minor\] |(?:Raw|Value|Print)Conv\b", re.IGNORECASE)
BINARY = re.compile(r"\(Binary data \d+ bytes, use -b option to extract\)")
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
MOMENT = re.compile(
    r"(?P<year>\d{4})(?:[:-](?P<month>\d\d)(?:[:-](?P<day>\d\d)"
    r"(?:[ T](?P<time>\d\d:\d\d(?::\d\d)?)(?:\.\d+)?(?P<zone>Z|[+-]\d\d:\d\d)?)?)?)?"
)
MAX_ZONE_OFFSET = "14:00"

Tags = dict[str, Any]


@dataclass(frozen=True)
class Embedded:
    """Tags by `group:name`, and what exiftool reported."""

    tags: Tags
    warnings: tuple[str, ...] = ()
    """What is wrong with the metadata."""
    notices: tuple[str, ...] = ()
    """What exiftool calls minor, and failures of its own conversions: no fault of the file."""
    dropped: tuple[str, ...] = ()
    """Names of tags that were too large to be stored."""

    def document(self) -> bytes:
        """All tags as JSON, sorted, so that the same file gives the same bytes."""
        text = json.dumps(self.tags, sort_keys=True, ensure_ascii=False, indent=1)
        return text.encode("utf-8", "replace") + b"\n"

    def text(self, *names: str) -> str | None:
        """The value of the first of these tags that is not empty, as one line."""
        for name in names:
            for value in texts(self.tags.get(name)):
                if text := one_line(value):
                    return text
        return None

    def number(self, *names: str) -> float | None:
        """The value of the first of these tags as a number; None if it is not above 0."""
        try:
            number = float(self.text(*names) or 0)
        except ValueError:
            return None
        return number if math.isfinite(number) and number > 0 else None


def embedded_of(read: Tags) -> Embedded:
    """The embedded metadata in the output of exiftool."""
    reported = sorted(
        one_line(str(value))
        for name, value in read.items()
        if name.startswith("ExifTool:") and name.rpartition(":")[2] in ("Warning", "Error")
    )
    notices = tuple(each for each in reported if NOTICE.match(each))
    warnings = tuple(each for each in reported if each not in notices)
    tags: Tags = {}
    dropped, size = [], 0
    for name in sorted(read):
        value = _without_binary(read[name])
        if name == "SourceFile" or name.partition(":")[0] in RUN_GROUPS or value is None:
            continue
        length = len(name) + len(json.dumps(value, ensure_ascii=False))
        if length > MAX_VALUE_LENGTH or size + length > MAX_DOCUMENT_LENGTH:
            dropped.append(one_line(name))
        else:
            tags[name] = value
            size += length
    return Embedded(tags, warnings, notices, tuple(dropped))


def texts(value: Any) -> Iterator[str]:
    """The texts in a value; a list may have several, a structure has none."""
    if isinstance(value, list):
        for one in value:
            yield from texts(one)
    elif isinstance(value, bool):
        yield "true" if value else "false"
    elif isinstance(value, str | int | float):
        yield str(value)


def one_line(text: str) -> str:
    """A text on one line, without control characters, truncated."""
    return " ".join(CONTROL.sub(" ", text).split())[:MAX_LINE_LENGTH]


def iso_date(value: str | None) -> str | None:
    """A date of EXIF, IPTC or XMP as ISO 8601, as precise as it is valid; None if it is not."""
    found = MOMENT.fullmatch((value or "").strip())
    if found is None or found["year"] == "0000":
        return None
    year, month, day = found["year"], found["month"], found["day"]
    if month in (None, "00"):
        return year
    if day in (None, "00"):
        return f"{year}-{month}" if month <= "12" else None
    date = f"{year}-{month}-{day}"
    if not _is_valid(date):
        return None
    time = found["time"] or ""
    full = f"{date}T{time if len(time) != len('00:00') else f'{time}:00'}"
    if not _is_valid(full):
        return date
    zone = found["zone"] or ""
    valid = zone == "Z" or (zone[1:] <= MAX_ZONE_OFFSET and zone[-2:] <= "59")
    return full + (zone if valid else "")


def _is_valid(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _without_binary(value: Any) -> Any:
    """The value without binary data, which exiftool only counts; None if nothing is left."""
    if isinstance(value, str) and BINARY.fullmatch(value):
        return None
    if isinstance(value, list):
        return [left for one in value if (left := _without_binary(one)) is not None] or None
    if isinstance(value, dict):
        kept = {name: _without_binary(one) for name, one in value.items()}
        return {name: one for name, one in kept.items() if one is not None} or None
    return value
