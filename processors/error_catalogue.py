"""The catalogue of error codes: every code with its severity, meaning, fix and who acts."""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

TITLE = "title"
FOLDER = Path(__file__).parent / "errors"
CHAPTERS = (
    *("manifest", "preflight", "station", "masters"),
    *("scanners", "orders", "packages", "intake", "senders", "uploads"),
    *("line", "audit", "fixity", "registry", "review"),
)
"""Files of the catalogue in the order of docs/errors.md."""
COMMANDS = {
    "release": "`copystand quarantine release ID --by P --reason R`",
    "not_a_page": "`copystand quarantine withdraw ID --not-a-page --by P --reason R`",
    "release_file": "`copystand quarantine release ID --file FILE --by P --reason R`",
}
"""Placeholders that every fix may use; the others are filled in where the code is used."""


class Entry(BaseModel):
    """One code as the catalogue describes it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str
    chapter: str
    severity: Literal["fatal", "error", "warn", "info"]
    where: str
    """The kind of location that is reported with the code."""
    meaning: str
    fix: str
    """What to do; words in braces are placeholders."""
    actor: Literal["person", "machine"]
    """Who acts next: a person, or the line, which continues by itself."""
    policy: str | None = None
    """The setting of the batch's profile that can accept, warn about or refuse this."""
    retired: bool = False
    """No longer used; records of earlier releases may contain it."""

    def text(self) -> str:
        """The entry as docs/errors.md and `copystand explain` show it, in Markdown."""
        severity = f"{self.severity}, set by `{self.policy}`" if self.policy else self.severity
        acts = "a person" if self.actor == "person" else "the machine; processing continues"
        facts = f"Severity: {severity}. Location: {self.where}. Who acts: {acts}."
        retired = " Retired: only records of earlier releases contain it." if self.retired else ""
        fix = self.fix.format_map(_Placeholders(COMMANDS))
        return f"{self.meaning}\n\n**What to do:** {fix}\n\n*{facts}{retired}*"


class _Placeholders(dict[str, str]):
    """Values for a fix; a placeholder without a value stays, in capitals."""

    def __missing__(self, name: str) -> str:
        return name.upper()


@cache
def entries() -> Mapping[str, Entry]:
    """Every code in the order of the documentation."""
    read = (
        Entry(code=code, chapter=chapter, **fields)
        for chapter in CHAPTERS
        for code, fields in _read(chapter).items()
        if code != TITLE
    )
    return MappingProxyType({entry.code: entry for entry in read})


@cache
def titles() -> Mapping[str, str]:
    """The title of each chapter."""
    return MappingProxyType({chapter: str(_read(chapter)[TITLE]) for chapter in CHAPTERS})


def fix_of(code: str, **fills: object) -> str:
    """What to do about a code. Raises KeyError for an unknown code and a missing fill."""
    return entries()[code].fix.format(**COMMANDS, **fills)


def severity_of(code: str) -> str:
    """The severity of a code. Raises KeyError for an unknown code."""
    return entries()[code].severity


@cache
def _read(chapter: str) -> dict[str, Any]:
    return tomllib.loads((FOLDER / f"{chapter}.toml").read_text("utf-8"))
