"""Computes the digest of a manifest body (docs/contract.md §2)."""

import json
from collections.abc import Iterator
from hashlib import sha256
from typing import Any


def body_digest(body: dict[str, Any]) -> str:
    """SHA-256 of the body without `checksums`, as JSON with sorted keys and default separators."""
    made = sha256()
    for piece in _pieces({name: value for name, value in body.items() if name != "checksums"}):
        made.update(piece.encode())
    return made.hexdigest()


def _pieces(covered: dict[str, Any]) -> Iterator[str]:
    """The JSON text in pieces of at most one item, so that memory stays flat."""
    between = "{"
    for name in sorted(covered):
        value = covered[name]
        yield f"{between}{json.dumps(name)}: "
        if isinstance(value, list) and value:
            for at, entry in enumerate(value):
                yield "[" if at == 0 else ", "
                yield json.dumps(entry, sort_keys=True)
            yield "]"
        else:
            yield json.dumps(value, sort_keys=True)
        between = ", "
    yield "}" if covered else "{}"
