"""Codes of languages and scripts, and their recognition models."""

import tomllib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

TABLE = Path(__file__).parent / "languages.toml"
DEFAULT_LANGUAGES = ("eng",)
"""Languages of a page whose manifest states none."""
DEFAULT_SCRIPT = "Latn"


@dataclass(frozen=True)
class MissingModel:
    """A language without an installed model."""

    code: str
    candidates: tuple[str, ...]
    """Models for this language, best first; empty for a code that is not in ISO 639-2."""


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(TABLE.read_text("utf-8"))


@cache
def _codes() -> frozenset[str]:
    table = _table()
    lists = (table["own_model"], table["script_model"], table["silent"])
    return frozenset((*(code for codes in lists for code in codes), *table["models"]))


def terminological(code: str) -> str:
    """The terminological form of an ISO 639-2 code: `ger` becomes `deu`."""
    return str(_table()["bibliographic"].get(code, code))


def from_model_label(label: str) -> str | None:
    """The terminological ISO 639-2 code of an ISO 639-1 or ISO 639-3 code; None if there is
    none."""
    code = str(_table()["two_letter"].get(label, label))
    return terminological(code) if known(code) and not is_silent(code) else None


def known(code: str) -> bool:
    """Whether a code is in ISO 639-2, bibliographic or terminological."""
    return terminological(code) in _codes()


def known_script(code: str) -> bool:
    """Whether a code is in ISO 15924."""
    return code in _table()["script_codes"]


def is_silent(code: str) -> bool:
    """Whether a code means that there is no text to recognise."""
    return code in _table()["silent"]


def candidates_for(code: str, script: str | None) -> tuple[str, ...]:
    """Models for a language in a script, best first; empty for an unknown or silent code."""
    table, language = _table(), terminological(code)
    if not known(code) or is_silent(code):
        return ()
    if script in table["scripts_first"]:
        return tuple(table["scripts_first"][script])
    if f"{language}-{script}" in table["variants"]:
        return tuple(table["variants"][f"{language}-{script}"])
    if language in table["own_model"]:
        return (language,)
    if language in table["models"]:
        return tuple(table["models"][language])
    return tuple(table["scripts"].get(script, table["scripts"][DEFAULT_SCRIPT]))


def models_for(
    languages: Iterable[str], script: str | None, installed: Collection[str]
) -> tuple[str, ...]:
    """The installed models for these languages, in order, without duplicates.

    Languages without an installed model are skipped; missing_models returns them."""
    found = (model for _, _, model in _looked_up(languages, script, installed) if model)
    return tuple(dict.fromkeys(found))


def missing_models(
    languages: Iterable[str], script: str | None, installed: Collection[str]
) -> tuple[MissingModel, ...]:
    """The languages without an installed model, in order."""
    return tuple(
        MissingModel(code, candidates)
        for code, candidates, model in _looked_up(languages, script, installed)
        if model is None and not is_silent(code)
    )


def _looked_up(
    languages: Iterable[str], script: str | None, installed: Collection[str]
) -> Iterator[tuple[str, tuple[str, ...], str | None]]:
    for code in languages:
        candidates = candidates_for(code, script)
        # Some distributions install the models of scripts in the folder `script`.
        forms = (form for name in candidates for form in (name, f"script/{name}"))
        yield code, candidates, next((form for form in forms if form in installed), None)
