"""Reads the lines of checksum lists: the dialects in which programs write digests and paths."""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass

ALGORITHM_OF = {32: "md5", 40: "sha1", 56: "sha224", 64: "sha256", 96: "sha384", 128: "sha512"}
"""Algorithm by number of hexadecimal digits, for lists whose name does not state it."""
EXACT = re.compile(r"\\?([0-9A-Fa-f]{32,128})(?:  | \*)(.+)")
"""As coreutils writes a line: a path may begin with spaces."""
LINE = re.compile(r"\\?([0-9A-Fa-f]{32,128})[ \t]+\*?(.+)")
ALGORITHM = r"MD5|SHA(?:2?-)?(?:1|224|256|384|512)"
BSD = re.compile(rf"\\?({ALGORITHM}) ?\((.+)\) ?= ?([0-9A-Fa-f]{{32,128}})")
TABLE = re.compile(rf"({ALGORITHM})[ \t]+([0-9A-Fa-f]{{32,128}})[ \t]+(.+)")
"""As Get-FileHash of PowerShell writes a line."""
RULER = re.compile(r"[-=+| \t]+")
STANDARD_INPUT = "-"
BARE = re.compile(r"\\?([0-9A-Fa-f]{32,128})")
COMMENTS = ("#", ";", "//", "%%%%")
"""How the line of a comment begins; programs for Windows write a semicolon, hashdeep percents."""
BYTE_ORDER_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16"} | {
    codecs.BOM_UTF16_BE: "utf-16"
}
ENDS = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True)
class Expected:
    """A digest that a list states for a file."""

    name: str
    """The path in the list; empty if the list is the digest of one file, without a path."""
    algorithm: str
    digest: str
    list_name: str


def text_of(content: bytes) -> str:
    """The text of a list in UTF-8, or in UTF-16 with a byte order mark. Raises ValueError."""
    marked = (form for mark, form in BYTE_ORDER_MARKS.items() if content.startswith(mark))
    return content.decode(next(marked, "utf-8"))


def lines_of(text: str) -> list[str]:
    """The lines of a list without comments, empty lines, and the head of a table above a ruler."""
    lines = [line for line in ENDS.split(text) if line.strip()]
    rulers = [number for number, line in enumerate(lines) if RULER.fullmatch(line)]
    head = {number for ruler in rulers for number in (ruler - 1, ruler)}
    return [
        line
        for number, line in enumerate(lines)
        if number not in head and not line.lstrip(" \t").startswith(COMMENTS)
    ]


def digests_in(text: str, list_name: str, algorithm: str | None) -> Iterator[Expected]:
    """The digests that a list states. Raises ValueError for a line that is none.

    Without an algorithm, the length of a digest tells which one it is."""
    kept = set(lines_of(text))
    for number, line in enumerate(ENDS.split(text), 1):
        if line not in kept:
            continue
        found = _read(line.lstrip(" \t"))
        if found is None:
            raise ValueError(f"line {number}: {line!r}")
        digest, path, named = found
        by_length, wanted = ALGORITHM_OF.get(len(digest)), named or algorithm
        if by_length is None or wanted not in (None, by_length):
            length = f"line {number} has a digest of {len(digest)} digits"
            raise ValueError(f"{length}, which is not {wanted or 'of a known length'}: {line!r}")
        plain = path.replace("\\\\", "\\") if line.startswith("\\") else path
        yield Expected(plain, by_length, digest.lower(), list_name)


def _read(line: str) -> tuple[str, str, str | None] | None:
    """Digest, path and stated algorithm of a line."""
    if match := EXACT.fullmatch(line) or LINE.fullmatch(line):
        # The digest of what a program read from another one; a list beside its file has it.
        return match[1], "" if match[2].strip() == STANDARD_INPUT else match[2], None
    if match := BSD.fullmatch(line.rstrip(" \t")):
        return match[3], match[2], _plain(match[1])
    if match := TABLE.fullmatch(line.rstrip(" \t")):
        return match[2], match[3], _plain(match[1])
    if match := BARE.fullmatch(line.rstrip(" \t")):
        return match[1], "", None
    return None


def _plain(algorithm: str) -> str:
    """The name of an algorithm without dashes: sha256 for SHA2-256 and SHA-256."""
    return algorithm.lower().replace("sha2-", "sha").replace("-", "")
