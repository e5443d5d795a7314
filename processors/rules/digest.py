"""The digest of a manifest's body, as the contract writes it."""

import json
from hashlib import sha256
from typing import Any


def body_digest(body: dict[str, Any]) -> str:
    """SHA-256 of the body without `checksums`, as sorted JSON with default separators."""
    covered = {name: value for name, value in body.items() if name != "checksums"}
    return sha256(json.dumps(covered, sort_keys=True).encode()).hexdigest()
