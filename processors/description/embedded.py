"""What exiftool read of a file, without what it says of the run; and where to find things in it."""

import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

RUN_GROUPS = ("System", "ExifTool", "Composite")
"""Of the file system, of exiftool itself, and reckoned from other tags."""
LONGEST_VALUE = 20_000
LARGEST_DOCUMENT = 1_000_000
LONGEST_NAME = 500
BINARY = re.compile(r"\(Binary data \d+ bytes, use -b option to extract\)")
MOMENT = re.compile(
    r"(\d{4})[:-](\d{2})[:-](\d{2})(?:[ T](\d{2}):(\d{2})(?::(\d{2}))?(?:\.\d+)?"
    r"(Z|[+-]\d{2}:\d{2})?)?"
)

Tags = dict[str, Any]


@dataclass(frozen=True)
class Embedded:
    """Tags by `group:name`, and what exiftool complained of."""

    tags: Tags
    complaints: tuple[str, ...]
    dropped: tuple[str, ...]
    """Names of tags that are too large to be kept."""

    def document(self) -> bytes:
        """All tags as JSON, sorted: the same file gives the same bytes."""
        text = json.dumps(self.tags, sort_keys=True, ensure_ascii=False, indent=1)
        return text.encode("utf-8", "replace") + b"\n"

    def first(self, *names: str) -> Any:
        """The first of these tags that says something; `*:Name` is a name in any group."""
        for name in names:
            for value in self._all(name):
                if value not in (None, "", [], {}):
                    return value
        return None

    def text(self, *names: str) -> str | None:
        """Likewise, as one line of text."""
        value = self.first(*names)
        if value is None or isinstance(value, dict):
            return None
        line = " ".join(str(value).replace("\0", " ").split())
        return line[:LONGEST_NAME] or None

    def number(self, *names: str) -> float | None:
        """Likewise, as a number above 0."""
        value = self.first(*names)
        try:
            number = float(value)
        except (TypeError, ValueError):
            return None
        return number if math.isfinite(number) and number > 0 else None

    def _all(self, name: str) -> Iterable[Any]:
        group, _, tag = name.partition(":")
        if group != "*":
            return (self.tags.get(name),)
        return (self.tags[key] for key in sorted(self.tags) if key.endswith(f":{tag}"))


def embedded_of(read: Tags) -> Embedded:
    """What a file says of itself, of what exiftool read."""
    complaints = sorted(
        str(value)[:LONGEST_NAME]
        for name, value in read.items()
        if name.rpartition(":")[2] in ("Warning", "Error") and name.startswith("ExifTool")
    )
    tags, dropped, size = {}, [], 0
    for name in sorted(read):
        value = read[name]
        if name == "SourceFile" or name.partition(":")[0] in RUN_GROUPS or _is_binary(value):
            continue
        length = len(json.dumps(value, ensure_ascii=False))
        size += length
        if length > LONGEST_VALUE or size > LARGEST_DOCUMENT:
            dropped.append(name)
        else:
            tags[name] = value
    return Embedded(tags, tuple(complaints), tuple(dropped))


def moment(value: str | None) -> str | None:
    """A date of EXIF or XMP as ISO 8601, as far as it is said and possible; else None."""
    found = MOMENT.match(value or "")
    if found is None:
        return None
    year, month, day, hour, minute, second, zone = found.groups()
    if not (year >= "0001" and "01" <= month <= "12" and "01" <= day <= "31"):
        return None
    date = f"{year}-{month}-{day}"
    if hour is None or not (hour <= "23" and minute <= "59" and (second or "00") <= "59"):
        return date if _exists(date) else None
    whole = f"{date}T{hour}:{minute}:{second or '00'}"
    return whole + (zone or "") if _exists(whole) else None


def _exists(text: str) -> bool:
    from datetime import datetime

    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _is_binary(value: Any) -> bool:
    return isinstance(value, str) and BINARY.fullmatch(value) is not None
