"""Codes of languages and scripts, and their recognition models."""

import re
import tomllib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

TABLE = Path(__file__).parent / "languages.toml"
UNDETERMINED = "und"
UNSTATED = (UNDETERMINED, "mul", "mis")
"""Codes that say which language a text is in as little as no code."""
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
    lists = (table["own_model"], table["script_model"], table["no_linguistic_content"])
    return frozenset((*(code for codes in lists for code in codes), *table["models"]))


def terminological(code: str) -> str:
    """The terminological form of an ISO 639-2 code: `ger` becomes `deu`."""
    return str(_table()["bibliographic"].get(code, code))


def from_model_label(label: str) -> str | None:
    """The terminological ISO 639-2 code of an ISO 639-1 or ISO 639-3 code; None if there is
    none."""
    code = str(_table()["two_letter"].get(label, label))
    return terminological(code) if known(code) and not has_no_linguistic_content(code) else None


def bibliographic(code: str) -> str:
    """The bibliographic form of an ISO 639-2 code: `deu` becomes `ger`."""
    return _bibliographic_forms().get(code, code)


@cache
def _bibliographic_forms() -> dict[str, str]:
    return {code: form for form, code in _table()["bibliographic"].items()}


def language_tag(code: str) -> str | None:
    """The tag of a language code (BCP 47): `ger` becomes `de`; None for a code that names no
    language."""
    language = terminological(code)
    if not known(code) or code in UNSTATED or has_no_linguistic_content(code):
        return None
    return _two_letter_forms().get(language, language)


@cache
def _two_letter_forms() -> dict[str, str]:
    return {terminological(code): form for form, code in _table()["two_letter"].items()}


def from_record(text: str) -> str | None:
    """The ISO 639-2 code that a record states: as a code, an ISO 639-1 code, a language tag
    (BCP 47), or the URI of a code; None if it is none of these."""
    stated = text.strip().rstrip("/").rpartition("/")[2].casefold()
    primary = re.split("[-_]", stated)[0]
    for code in (stated, primary):
        if known(code):
            return code
    return from_model_label(primary)


def script_in(text: str) -> str | None:
    """The script in a language tag (BCP 47), such as de-Latf."""
    parts = (part.capitalize() for part in re.split("[-_]", text.strip())[1:])
    return next((part for part in parts if known_script(part)), None)


def known(code: str) -> bool:
    """Whether a code is in ISO 639-2, bibliographic or terminological."""
    return terminological(code) in _codes()


def known_script(code: str) -> bool:
    """Whether a code is in ISO 15924."""
    return code in _table()["script_codes"]


def has_no_linguistic_content(code: str) -> bool:
    """Whether a code means that there is no text to recognise."""
    return code in _table()["no_linguistic_content"]


def candidates_for(code: str, script: str | None) -> tuple[str, ...]:
    """Models for a language in a script, best first; empty for an unknown code or no text."""
    table, language = _table(), terminological(code)
    if not known(code) or has_no_linguistic_content(code):
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


def own_model_of(code: str, models: Collection[str]) -> str | None:
    """The one of these models that is made for a language; None if there is none."""
    table, language = _table(), terminological(code)
    names = (language,) if language in table["own_model"] else table["models"].get(language, ())
    return next((name for name in names if name in models), None)


def reads_other_script(model: str) -> bool:
    """Whether a model is for another script than Latin and blackletter."""
    return model.rpartition("/")[2] in _of_other_scripts()


@cache
def _of_other_scripts() -> frozenset[str]:
    table = _table()
    scripts = (models for code, models in table["scripts"].items() if code != DEFAULT_SCRIPT)
    return frozenset(one for models in (*scripts, table["other_scripts"]) for one in models)


def is_stated(codes: Iterable[str], script: str | None) -> bool:
    """Whether languages or their script say which model to use."""
    return script not in (None, DEFAULT_SCRIPT) or any(code not in UNSTATED for code in codes)


def to_read(codes: Iterable[str]) -> tuple[str, ...]:
    """The languages to look up models for; `und` if none is stated."""
    return tuple(code for code in codes if code not in UNSTATED) or (UNDETERMINED,)


def installed_form(model: str, installed: Collection[str]) -> str | None:
    """The name under which a model is installed: its own or script/NAME; None if it is not."""
    return next((form for form in (model, f"script/{model}") if form in installed), None)


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
        if model is None and not has_no_linguistic_content(code)
    )


def _looked_up(
    languages: Iterable[str], script: str | None, installed: Collection[str]
) -> Iterator[tuple[str, tuple[str, ...], str | None]]:
    for code in languages:
        candidates = candidates_for(code, script)
        # Some distributions install the models of scripts in the folder `script`.
        forms = (installed_form(name, installed) for name in candidates)
        yield code, candidates, next((form for form in forms if form), None)
