"""The form of a storage key: no message can name a file outside the store."""

import re

from processors.outcome import ObjectUnusable
from processors.tools import Area

PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}\Z")
FIRST = {area.value.split("/")[0] for area in Area}


class BadKey(ObjectUnusable):
    """A key that this software does not write."""


def checked(key: str) -> str:
    """The key, after a check of its form. Raises BadKey."""
    first, *rest = key.split("/")
    if first not in FIRST or not rest or not all(PART.match(part) for part in rest):
        raise BadKey(f"{key!r} is no valid storage key")
    return key


def content_key(area: Area, sha256: str) -> str:
    """The key of an object that is named by its digest."""
    return f"{area.value}/sha256/{sha256[:2]}/{sha256}"
