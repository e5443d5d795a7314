"""Facts and sealed log of a line of version 0.1.0 (commit 083590e), as its topics held them."""

import json
import lzma
from functools import cache
from pathlib import Path
from typing import Any

from tests.support.reader import PREMIS, Raw

KEPT = Path(__file__).parents[1] / "data" / "log_of_083590e.json.xz"


def facts() -> list[Raw]:
    """Every message on the topics whose facts owe events."""
    return [raw for raw in _messages() if raw.topic != PREMIS]


def sealed() -> list[Raw]:
    """Every record of the sealed log, in order."""
    return [raw for raw in _messages() if raw.topic == PREMIS]


def answers() -> dict[str, Any]:
    """What the commands answered about batches, packages, quarantine and audit log."""
    found: dict[str, Any] = _document()["answers"]
    return found


@cache
def _document() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(lzma.decompress(KEPT.read_bytes()))
    return document


@cache
def _messages() -> tuple[Raw, ...]:
    return tuple(
        Raw(
            *(topic, partition, offset, _bytes(key), _bytes(value)),
            tuple((name, _bytes(text)) for name, text in headers),
        )
        for topic, partition, offset, key, value, headers in _document()["messages"]
    )


def _bytes(text: str | None) -> bytes | None:
    """Bytes from text that has one character for each byte."""
    return None if text is None else text.encode("latin-1")
