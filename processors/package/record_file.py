"""Reads a large JSON object from a file, one member or list element at a time."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

CHUNK_CHARACTERS = 1 << 20
_decoder = json.JSONDecoder()


def members(path: Path) -> Iterator[tuple[str, Any]]:
    """Key and value of every member of the object; of a list, the key with each element.

    The item record of 20,000 pages has some hundred megabytes; only one fact is in memory.
    Raises ValueError if the file is not a JSON object."""
    with path.open(encoding="utf-8", newline="") as file:
        text = _Text(file)
        for _ in text.separated("{", "}"):
            key = text.value()
            text.expect(":")
            if text.peek() != "[":
                yield key, text.value()
                continue
            for _ in text.separated("[", "]"):
                yield key, text.value()


class _Text:
    """A moving window over the text."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._window = ""
        self._at = 0

    def _more(self) -> bool:
        chunk = self._file.read(CHUNK_CHARACTERS)
        if chunk:
            self._window = self._window[self._at :] + chunk
            self._at = 0
        return bool(chunk)

    def peek(self) -> str:
        """The next character that is not white space; empty at the end."""
        while True:
            while self._at < len(self._window):
                character = self._window[self._at]
                if character not in " \t\r\n":
                    return character
                self._at += 1
            if not self._more():
                return ""

    def expect(self, wanted: str) -> None:
        """Skip one character. Raises ValueError if it is another one."""
        found = self.peek()
        if found != wanted:
            raise ValueError(f"expected {wanted!r}, found {found!r}")
        self._at += 1

    def separated(self, first: str, last: str) -> Iterator[None]:
        """Yield at each element of a list or member of an object, which the caller reads."""
        self.expect(first)
        if self.peek() != last:
            yield
            while self.peek() == ",":
                self._at += 1
                yield
        self.expect(last)

    def value(self) -> Any:
        """The next value."""
        self.peek()
        while True:
            try:
                value, end = _decoder.raw_decode(self._window, self._at)
            except json.JSONDecodeError:
                if not self._more():
                    raise
                continue
            # A number may continue after the window: 1.5 may be cut to "1." or "1.5e-".
            if end + 2 >= len(self._window) and self._more():
                continue
            self._at = end
            return value
