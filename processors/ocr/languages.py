"""Languages and scripts as archives write them, and the recognition models that read them."""

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
    """A language that cannot be read here, and why."""

    code: str
    candidates: tuple[str, ...]
    """Models that would read it, best first; empty when the code is not one of ISO 639-2."""


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
    """The terminological ISO 639-2 code of what a language model calls a language by ISO 639-1 or
    ISO 639-3; None when ISO 639-2 has none for it, or when it is no language."""
    code = str(_table()["two_letter"].get(label, label))
    return terminological(code) if known(code) and not is_silent(code) else None


def known(code: str) -> bool:
    """Whether this is a code of ISO 639-2, bibliographic or terminological."""
    return terminological(code) in _codes()


def known_script(code: str) -> bool:
    """Whether this is a code of ISO 15924."""
    return code in _table()["script_codes"]


def is_silent(code: str) -> bool:
    """Whether the code says that there is no language to read."""
    return code in _table()["silent"]


def candidates_for(code: str, script: str | None) -> tuple[str, ...]:
    """Models that read a language in a script, best first; empty for an unknown or silent code."""
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
    """The installed models to read these languages with, in order, each once.

    Codes that are unknown or whose model is not installed are left out: ask missing_models."""
    found = (model for _, _, model in _looked_up(languages, script, installed) if model)
    return tuple(dict.fromkeys(found))


def missing_models(
    languages: Iterable[str], script: str | None, installed: Collection[str]
) -> tuple[MissingModel, ...]:
    """The languages that no installed model reads, in order."""
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
        # Some distributions install the models of scripts in a sub-folder of that name.
        forms = (form for name in candidates for form in (name, f"script/{name}"))
        yield code, candidates, next((form for form in forms if form in installed), None)
