"""Writes the values of PDF: numbers, names, strings, arrays and dictionaries (ISO 32000-1, 7.3)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

DELIMITERS = b"()<>[]{}/%#"
DECIMALS = 3


@dataclass(frozen=True, slots=True)
class Reference:
    """An indirect reference to an object."""

    number: int


@dataclass(frozen=True, slots=True)
class Name:
    """A name, without its slash."""

    text: str


def written(value: Any) -> bytes:
    """The value as it is written in a file. A str is a text string, bytes are a hexadecimal one."""
    if isinstance(value, bool):
        return b"true" if value else b"false"
    if isinstance(value, int):
        return str(value).encode()
    if isinstance(value, float):
        return number(value)
    if isinstance(value, Reference):
        return b"%d 0 R" % value.number
    if isinstance(value, Name):
        return b"/" + b"".join(_in_name(byte) for byte in value.text.encode())
    if isinstance(value, str):
        return _text_string(value)
    if isinstance(value, bytes):
        return b"<" + value.hex().upper().encode() + b">"
    if isinstance(value, Mapping):
        entries = (written(Name(key)) + b" " + written(entry) for key, entry in value.items())
        return b"<< " + b" ".join(entries) + b" >>"
    if isinstance(value, Sequence):
        return b"[" + b" ".join(written(one) for one in value) + b"]"
    raise TypeError(f"PDF has no value like {type(value).__name__}")


def number(value: float) -> bytes:
    """A number with at most three decimals, without exponent."""
    text = f"{value:.{DECIMALS}f}".rstrip("0").rstrip(".")
    return b"0" if text in ("-0", "") else text.encode()


def _text_string(text: str) -> bytes:
    # UTF-16 with a byte order mark holds every text, so no table of PDFDocEncoding is needed.
    encoded = b"\xfe\xff" + text.encode("utf-16-be", "replace")
    return b"<" + encoded.hex().upper().encode() + b">"


def _in_name(byte: int) -> bytes:
    regular = 0x21 <= byte <= 0x7E and byte not in DELIMITERS
    return bytes([byte]) if regular else b"#%02X" % byte
