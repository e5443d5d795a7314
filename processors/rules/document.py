"""Reads the JSON document of a manifest, or reports why it is invalid."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, NoReturn

from processors.rules.codes import finding
from schemas.models import Diagnostic

MAX_BYTES = 256 * 1024 * 1024
MAX_DEPTH = 32
TOO_DEEP = f"nested deeper than {MAX_DEPTH} levels"
FORBIDDEN = re.compile("[^\\t\\n\\r\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")
Document = dict[str, Any] | None


ESCAPED = re.compile(r"\\[bf]|\\u(?:00[01]|[dD][89a-fA-F]|[fF]{3}[eE]|[fF]{4})")
"""Escapes of characters that XML and databases may not be able to store."""


class _DuplicateKey(dict[str, Any]):
    """An object with a duplicate key."""

    duplicate: str


class _Objects:
    """Builds the objects of a document and remembers whether any had a duplicate key."""

    any_duplicate = False

    def __call__(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) == len(pairs):
            return made
        self.any_duplicate = True
        seen: set[str] = set()
        marked = _DuplicateKey(made)
        marked.duplicate = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        return marked


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not valid JSON")


def read_document(delivered: bytes) -> tuple[Document, list[Diagnostic]]:
    """The JSON object in these bytes, and the problems found."""
    if not delivered.strip():
        return None, [finding("manifest.empty", "manifest", f"{len(delivered)} bytes")]
    if len(delivered) > MAX_BYTES:
        return None, [finding("manifest.too-large", "manifest", f"{len(delivered)} bytes")]
    objects = _Objects()
    try:
        text = delivered.decode("utf-8-sig")
        body = json.loads(text, object_pairs_hook=objects, parse_constant=_no_constant)
    except UnicodeDecodeError as wrong:
        found = f"byte {wrong.start} is {delivered[wrong.start]:#04x}"
        return None, [finding("manifest.not-utf8", "manifest", found)]
    except (ValueError, RecursionError) as wrong:
        return None, [finding("manifest.not-json", "manifest", str(wrong) or TOO_DEEP)]
    if not isinstance(body, dict):
        return None, [
            finding("manifest.not-json", "manifest", f"{_kind(body)} instead of an object")
        ]
    if _is_deeper_than(MAX_DEPTH, body):
        return None, [finding("manifest.not-json", "manifest", TOO_DEEP)]
    # Locating an error walks the whole document; this check shows that most have none.
    suspect = objects.any_duplicate or ESCAPED.search(text) or FORBIDDEN.search(text)
    return body, list(text_findings(body)) if suspect else []


def _is_deeper_than(depth: int, value: object) -> bool:
    level: list[object] = [value]
    for _ in range(depth):
        level = [inner for one in level for inner in _inside(one)]
    return bool(level)


def _inside(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _kind(value: object) -> str:
    return {list: "a list", str: "a string", bool: "a boolean", type(None): "null"}.get(
        type(value), "a number"
    )


def text_findings(body: dict[str, Any]) -> Iterator[Diagnostic]:
    """Duplicate keys, and text that neither XML nor a database can store."""
    remaining: list[tuple[str, Any]] = [("", body)]
    while remaining:
        where, value = remaining.pop()
        if isinstance(value, _DuplicateKey):
            yield finding(
                "manifest.key-duplicate", where or "manifest", f"duplicate key {value.duplicate}"
            )
        if isinstance(value, dict):
            for name, inner in reversed(value.items()):
                remaining.append((f"{where}.{name}" if where else name, inner))
            yield from (
                _unstorable(where or "manifest", name) for name in value if not _is_storable(name)
            )
        elif isinstance(value, list):
            remaining += reversed([(f"{where}[{at}]", inner) for at, inner in enumerate(value)])
        elif isinstance(value, str) and not _is_storable(value):
            yield _unstorable(where, value)


def _unstorable(where: str, text: str) -> Diagnostic:
    return finding("manifest.text-broken", where.encode("ascii", "replace").decode(), text)


def _is_storable(text: str) -> bool:
    """Whether XML 1.0 allows every character (production 2, Char)."""
    return FORBIDDEN.search(text) is None
