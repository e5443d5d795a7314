"""Formats of single values in a manifest, each with its error code."""

import re
import unicodedata
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from processors.ocr.languages import known_script
from processors.records import CHECKED, STORED
from schemas.ids import BATCH_ID, ITEM_ID, PAGE_REF, PSEUDONYM

KINDS = ("page", "cover", "spine", "endpaper", "foldout", "insert", "target", "blank", "missing")
SCHEMAS = CHECKED
"""Schemas that can be the main descriptive form of a batch."""
ROLES = ("descriptive", "structural", "preservation", "rights")
PRIORITIES = ("rush", "normal", "night")
MAX_PATH_LENGTH = 1024
MAX_NAME_BYTES = 255
DIGEST = re.compile(r"[0-9a-f]{64}\Z")
VENDOR_DIGESTS = {"md5": 32, "sha1": 40, "sha256": 64, "sha512": 128}
"""Hex digits by algorithm."""
JOINERS = "\u200c\u200d"
DRIVE = re.compile(r"[A-Za-z]:")


def _format(code: str, matches: Callable[[str], object]) -> AfterValidator:
    def check(value: str) -> str:
        if not matches(value):
            raise PydanticCustomError(code, "form")
        return value

    return AfterValidator(check)


def _one_of(code: str, choices: tuple[str, ...]) -> AfterValidator:
    return _format(code, lambda value: value in choices)


def is_date(value: str) -> bool:
    """Whether a text is a date such as 2031-01-01."""
    try:
        return date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def _is_instant(value: str) -> bool:
    try:
        return as_instant(value) is not None
    except (ValueError, OverflowError):
        return False


def as_instant(value: str | None) -> datetime | None:
    """A time in UTC. Raises ValueError if it has no time zone."""
    if value is None:
        return None
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    return moment.astimezone(UTC)


def is_uri(value: str) -> bool:
    """Whether a text is an absolute URI."""
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return bool(parts.scheme and (parts.netloc or parts.path)) and not re.search(r"\s", value)


def _is_in_names(character: str) -> bool:
    """Whether a character may be in a name; spaces and the joiners of Persian and other scripts
    may."""
    return (
        character.isprintable() or character in JOINERS or unicodedata.category(character) == "Zs"
    )


def is_safe_path(path: str) -> bool:
    """Whether a path is valid on every file system and stays below its folder."""
    parts = path.split("/")
    return (
        0 < len(path) <= MAX_PATH_LENGTH
        and "\\" not in path
        and not DRIVE.match(path)
        and (path.isprintable() or all(map(_is_in_names, path)))
        and all(
            part not in ("", ".", "..") and len(part.encode("utf-8", "replace")) <= MAX_NAME_BYTES
            for part in parts
        )
    )


def is_vendor_checksum(value: str) -> bool:
    """Whether a text is a known algorithm, a colon, and a digest of its length."""
    algorithm, _, digest = value.partition(":")
    length = VENDOR_DIGESTS.get(algorithm)
    return len(digest) == length and re.fullmatch("[0-9a-f]+", digest) is not None


BatchId = Annotated[str, _format("batch.id-malformed", BATCH_ID.match)]
ItemId = Annotated[str, _format("item.id-malformed", ITEM_ID.match)]
Ref = Annotated[str, _format("page.ref-malformed", PAGE_REF.match)]
Operator = Annotated[str, _format("person.not-a-pseudonym", PSEUDONYM.match)]
Sha256 = Annotated[str, _format("file.sha256-malformed", DIGEST.match)]
VendorChecksum = Annotated[str, _format("file.vendor-checksum-malformed", is_vendor_checksum)]
Path = Annotated[str, _format("file.name-unsafe", is_safe_path)]
Script = Annotated[str, _format("language.script-unknown", known_script)]
Date = Annotated[str, _format("rights.embargo-malformed", is_date)]
Instant = Annotated[str, _format("batch.not-before-malformed", _is_instant)]
Uri = Annotated[str, _format("rights.uri-malformed", is_uri)]
Kind = Annotated[str, _one_of("page.kind-unknown", KINDS)]
Layout = Annotated[str, _one_of("page.layout-unknown", ("single", "spread"))]
Role = Annotated[str, _one_of("record.role-unknown", ROLES)]
Schema = Annotated[str, _one_of("record.schema-unknown", (*CHECKED, *STORED))]
Vocabulary = Annotated[str, _one_of("manifest.metadata-schema-unknown", SCHEMAS)]
Priority = Annotated[str, _one_of("batch.priority-unknown", PRIORITIES)]
Access = Annotated[str, _one_of("rights.access-unknown", ("open", "restricted", "closed"))]
