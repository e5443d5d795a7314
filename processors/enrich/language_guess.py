"""Guesses the language of a text with the model that py3langid ships."""

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from processors.ocr import languages

PACKAGE = "py3langid"
LONGEST_TEXT = 20_000
"""Characters that are looked at; more change no answer."""
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
"""Languages that a text of a page is not enough to tell apart, or that have one code for all."""


@dataclass(frozen=True)
class Guess:
    """What the model makes of a text."""

    code: str
    """Terminological ISO 639-2."""
    probability: float
    probabilities: dict[str, float]
    """Of every language that the model knows and ISO 639-2 has a code for."""

    def of_any(self, codes: tuple[str, ...]) -> float:
        """Probability that the text is in one of these languages or one close to it."""
        wide = {near for code in codes for near in close_to(code)}
        return sum(self.probabilities.get(code, 0.0) for code in wide)


def close_to(code: str) -> set[str]:
    """A language, by its terminological code, and those that it is not told from."""
    code = languages.terminological(code)
    return {code}.union(*(group for group in CLOSE if code in group))


def known_to_model(code: str) -> bool:
    """Whether the model can recognise a language at all."""
    return languages.terminological(code) in _codes().values()


def guess(text: str) -> Guess | None:
    """The language that a text is likely in; None when it gives the model nothing to go by."""
    ranked: dict[str, float] = {}
    for label, probability in _identifier().rank(text[:LONGEST_TEXT]):
        code = _codes()[label]
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


def _model_file() -> Path:
    from py3langid import langid  # type: ignore[import-untyped]

    return Path(langid.MODEL_DIR) / str(langid.MODEL_FILE)


@cache
def _identifier() -> Any:
    # Loaded when it is first asked, once in each process: 0.7 s and 60 MB.
    from py3langid.langid import LanguageIdentifier  # type: ignore[import-untyped]

    identifier = LanguageIdentifier.from_model_file(_model_file(), norm_probs=True)
    coded = [label for label in identifier.labels if languages.from_model_label(label)]
    identifier.set_languages(coded)
    return identifier


@cache
def _codes() -> dict[str, str]:
    """The model's labels with the codes of ISO 639-2."""
    labels = _identifier().labels
    return {label: code for label in labels if (code := languages.from_model_label(label))}
