"""Suggests how a page is written (by hand, printed, typed) and in which style of script."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from processors.enrich import forest
from processors.enrich.analyzer import PageView, Suggestion
from processors.enrich.looked_at import ink
from processors.enrich.writing_features import features_of
from processors.enrich.writing_patches import patches_of

MODEL = "writing"
UNKNOWN = "unknown"
KIND_OF_STYLE = {
    "book-hand": "hand",
    "cursive-hand": "hand",
    "blackletter": "print",
    "roman": "print",
    "typewritten": "typed",
}
FLOOR = 0.02
"""Added to each patch's probability, so that one odd patch does not decide a page."""


@dataclass(frozen=True)
class Writing:
    """What the model sees on a page."""

    patches: int
    styles: dict[str, float]
    """Calibrated probability of each style; empty if the page has no text to look at."""

    @property
    def kinds(self) -> dict[str, float]:
        """Calibrated probability of each kind of writing."""
        kinds: dict[str, float] = {}
        for style, probability in self.styles.items():
            kind = KIND_OF_STYLE[style]
            kinds[kind] = kinds.get(kind, 0.0) + probability
        return kinds


class WritingAnalyzer:
    """Gives each page exactly one kind of writing and one style, `unknown` included."""

    id = "copystand-writing"
    version = "1"
    labels: Sequence[str] = (
        *(f"writing:{kind}" for kind in ("hand", "print", "typed", UNKNOWN)),
        *(f"script:{style}" for style in (*KIND_OF_STYLE, UNKNOWN)),
    )

    def __init__(self) -> None:
        self._model = forest.load(MODEL)

    @property
    def weights_sha256(self) -> str:
        """Digest of the file of weights."""
        return self._model.sha256

    def analyze(self, page: PageView) -> list[Suggestion]:
        """One suggestion of kind `writing` and one of kind `script`."""
        patches = [features_of(patch) for patch in patches_of(ink(page))]
        writing = self._writing(np.array(patches))
        settings = self._model.settings
        return [
            _suggestion("writing", writing.kinds, settings["least_kind"], writing.patches),
            _suggestion("script", writing.styles, settings["least_style"], writing.patches),
        ]

    def _writing(self, patches: NDArray[np.float64]) -> Writing:
        if len(patches) == 0:
            return Writing(0, {})
        styles = self._model.forests["style"]
        probabilities = pooled(styles.probabilities(patches), self._model.settings["temperature"])
        return Writing(
            len(patches), dict(zip(styles.labels, map(float, probabilities), strict=True))
        )


def pooled(patches: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """The calibrated probabilities of a page, from those of its patches."""
    logs = np.log(patches + FLOOR).mean(0) / temperature
    powers = np.exp(logs - logs.max())
    shares: NDArray[np.float64] = powers / powers.sum()
    return shares


def _suggestion(kind: str, found: dict[str, float], least: float, patches: int) -> Suggestion:
    if not found:
        return Suggestion(kind, UNKNOWN, 0.0, evidence=("no text that can be measured",))
    ranked = sorted(found.items(), key=lambda one: (-one[1], one[0]))
    label, score = ranked[0]
    evidence = (
        f"{patches} patches of text",
        *(f"{name} {probability:.2f}" for name, probability in ranked[:2]),
    )
    return Suggestion(
        kind, label if score >= least else UNKNOWN, round(score, 4), evidence=evidence
    )
