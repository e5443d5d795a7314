"""Guesses the language of a text with the model that py3langid ships."""

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from processors.ocr import languages

PACKAGE = "py3langid"
MAX_TEXT_LENGTH = 20_000
"""Characters that the model reads; more do not change its answer."""
CLOSE = (
    {"nor", "nob", "nno"},
    {"hrv", "srp", "bos", "cnr"},
    {"ind", "msa"},
    {"ell", "grc"},
    {"deu", "gsw", "ltz", "nds"},
    {"ces", "slk"},
    {"cat", "oci"},
    {"por", "glg"},
)
"""Languages that the text of one page does not distinguish, or that share one code."""


@dataclass(frozen=True)
class Guess:
    """The model's answer for a text."""

    code: str
    """Terminological ISO 639-2."""
    probability: float
    probabilities: dict[str, float]
    """By ISO 639-2 code, for each language of the model that has one."""

    def of_any(self, codes: tuple[str, ...]) -> float:
        """Probability that the text is in one of these languages or a similar one."""
        similar = {near for code in codes for near in close_to(code)}
        return sum(self.probabilities.get(code, 0.0) for code in similar)


def close_to(code: str) -> set[str]:
    """The terminological code of a language, and those of languages similar to it."""
    code = languages.terminological(code)
    return {code}.union(*(group for group in CLOSE if code in group))


def known_to_model(code: str) -> bool:
    """Whether the model includes a language."""
    return languages.terminological(code) in codes_by_label().values()


def guess(text: str) -> Guess | None:
    """The most likely language of a text; None if the text gives no indication."""
    ranked: dict[str, float] = {}
    for label, probability in _identifier().rank(text[:MAX_TEXT_LENGTH]):
        code = codes_by_label()[label]
        ranked[code] = ranked.get(code, 0.0) + float(probability)
    best = max(ranked, key=lambda code: ranked[code])
    return Guess(best, ranked[best], ranked) if ranked[best] > 0 else None


@cache
def package_version() -> str:
    """The version of the package that ships the model."""
    return version(PACKAGE)


@cache
def model_digest() -> str:
    """SHA-256 of the model's file, lower-case hex."""
    return hashlib.sha256(_model_file().read_bytes()).hexdigest()


def software() -> tuple[tuple[str, str], ...]:
    """Name and version of the package and of its model."""
    return (PACKAGE, package_version()), (f"{PACKAGE} model", f"sha256:{model_digest()}")


def _model_file() -> Path:
    from py3langid import langid  # type: ignore[import-untyped]

    return Path(langid.MODEL_DIR) / str(langid.MODEL_FILE)


@cache
def _identifier() -> Any:
    # Loaded on first use, once per process: 0.7 s and 60 MB.
    from py3langid.langid import LanguageIdentifier  # type: ignore[import-untyped]

    identifier = LanguageIdentifier.from_model_file(_model_file(), norm_probs=True)
    coded = [label for label in identifier.labels if languages.from_model_label(label)]
    identifier.set_languages(coded)
    return identifier


@cache
def codes_by_label() -> dict[str, str]:
    """The ISO 639-2 code of each label of the model."""
    labels = _identifier().labels
    return {label: code for label in labels if (code := languages.from_model_label(label))}
