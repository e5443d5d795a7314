"""What a store key may look like, so that no message can name a file outside the store."""

import re

from processors.outcome import StorageError
from processors.tools import Area

PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}\Z")
FIRST = {area.value.split("/")[0] for area in Area}


class BadKey(StorageError):
    """A key that no store of ours can have written."""


def checked(key: str) -> str:
    """The key, when it is one. Raises BadKey."""
    first, *rest = key.split("/")
    if first not in FIRST or not rest or not all(PART.match(part) for part in rest):
        raise BadKey(f"{key!r} is no key of the store")
    return key


def content_key(area: Area, sha256: str) -> str:
    """The key of an object named by its digest."""
    return f"{area.value}/sha256/{sha256[:2]}/{sha256}"
