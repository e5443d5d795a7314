"""Suggests where figures are on a page, and what kind they are."""

from collections.abc import Sequence

import numpy as np

from processors.enrich import forest
from processors.enrich.analyzer import Box, PageView, Suggestion
from processors.enrich.figure_boxes import FigureBox, box_features, boxes_of
from processors.enrich.figure_cells import cell_features
from processors.enrich.looked_at import ink
from processors.enrich.page_ink import PageInk, Plane

MODEL = "figure"
NONE = "none"
SMALLEST_SIDE = 64
"""Pixels of a page on which there is anything to find."""
ICONCLASS = "https://iconclass.org/"
NOTATION = {"illustration": "49M41", "ornament": "48A98", "initial": "49L17"}
"""Illustration (printed matter, book), ornaments (art), initial."""


class FigureAnalyzer:
    """Gives a suggestion with a box for each illustration, ornament and initial that it finds."""

    id = "copystand-figure"
    version = "1"
    labels: Sequence[str] = tuple(f"figure:{label}" for label in NOTATION)

    def __init__(self) -> None:
        self._model = forest.load(MODEL)

    @property
    def weights_sha256(self) -> str:
        """Digest of the file of weights."""
        return self._model.sha256

    def analyze(self, page: PageView) -> list[Suggestion]:
        """Figures, the most certain first."""
        looked_at = ink(page)
        if min(looked_at.ink.shape) < SMALLEST_SIDE:
            return []
        likely = likely_cells(self._model.forests["cell"], looked_at)
        found = [
            suggestion
            for box in boxes_of(likely)
            if (suggestion := self._suggestion(page, looked_at, likely, box)) is not None
        ]
        return sorted(found, key=lambda one: (-one.score, one.box or ()))

    def _suggestion(
        self, page: PageView, seen: PageInk, likely: Plane, box: FigureBox
    ) -> Suggestion | None:
        kinds, settings = self._model.forests["box"], self._model.settings
        shares = kinds.probabilities(box_features(seen, likely, box)[None, :])[0]
        scores = calibrated(shares, settings["temperature"])
        ranked = sorted(zip(scores, kinds.labels, strict=True), reverse=True)
        score, label = next(one for one in ranked if one[1] != NONE)
        if score < settings["least"][label]:
            return None
        return Suggestion(
            "figure",
            label,
            round(float(score), 4),
            term_uri=f"{ICONCLASS}{NOTATION[label]}",
            vocabulary="iconclass",
            box=_in_master(page, seen, box),
            evidence=(
                f"cells {box.likely:.2f}",
                *(f"{name} {part:.2f}" for part, name in ranked[:2]),
            ),
        )


def likely_cells(cells: forest.Forest, page: PageInk) -> Plane:
    """How likely each cell of a page is part of a figure."""
    measures = cell_features(page)
    rows, columns, count = measures.shape
    figure = cells.labels.index("figure")
    found = cells.probabilities(measures.reshape(-1, count))[:, figure]
    return found.reshape(rows, columns).astype(np.float32)


def calibrated(shares: Plane, temperature: float) -> Plane:
    """Shares of trees as probabilities."""
    powers = (shares + 0.01) ** (1 / temperature)
    scores: Plane = powers / powers.sum(-1, keepdims=True)
    return scores


def _in_master(page: PageView, seen: PageInk, box: FigureBox) -> Box:
    scale = seen.scale * page.scale
    left, top = round(box.left * scale), round(box.top * scale)
    return (
        left,
        top,
        min(round(box.width * scale), page.master_width - left),
        min(round(box.height * scale), page.master_height - top),
    )
