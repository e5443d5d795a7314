"""Suggests that a page is blank, or that a person looks at a page whose text was hard to read."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from processors.enrich.analyzer import PageView, Suggestion
from processors.enrich.looked_at import ink
from processors.enrich.page_ink import EDGE, PageInk

BLANK = "blank"
HARD_TO_READ = "low-confidence"
WORDS_OF_TEXT = 4
"""A page with as many words that were read with SURE or more is not blank."""
SURE = 0.7
DARK = 0.22
"""Ink is this much darker than the paper, as a part of the range from black to white."""
MARKS = 18.0
"""Components of ink at which a page is as likely blank as not."""
SLOPE = 6.0
LEAST = 0.5
WORDS_TO_JUDGE = 20
"""A mean of fewer words says little about a page."""
HARD = 0.6
"""Below this mean confidence a page is suggested to a person."""


class BlankAnalyzer:
    """Rules without weights: marks of ink are counted, and confidences of words are averaged."""

    id = "copystand-blank"
    version = "1"
    weights_sha256 = ""
    labels: Sequence[str] = (f"blank:{BLANK}", f"blank:{HARD_TO_READ}")

    def analyze(self, page: PageView) -> list[Suggestion]:
        """At most one suggestion."""
        sure = sum(word.confidence >= SURE and len(word.text) > 1 for word in page.words)
        marks = marks_of(ink(page))
        score = 1 / (1 + np.exp((marks - MARKS) / SLOPE))
        if sure < WORDS_OF_TEXT and score >= LEAST:
            evidence = (f"{marks} marks of ink", f"{sure} words read with confidence")
            return [Suggestion("blank", BLANK, round(float(score), 4), evidence=evidence)]
        return self._hard_to_read(page)

    def _hard_to_read(self, page: PageView) -> list[Suggestion]:
        if len(page.words) < WORDS_TO_JUDGE:
            return []
        mean = float(np.mean([word.confidence for word in page.words]))
        if mean >= HARD:
            return []
        evidence = (f"{len(page.words)} words, mean confidence {mean:.2f}",)
        return [Suggestion("blank", HARD_TO_READ, round(1 - mean, 4), evidence=evidence)]


def marks_of(page: PageInk) -> int:
    """Components that are as dark as ink, as large as a letter, and away from the edges."""
    parts = page.components
    height, width = page.ink.shape
    middle_x, middle_y = parts.left + parts.width / 2, parts.top + parts.height / 2
    inside = (abs(middle_x / width - 0.5) < 0.5 - 3 * EDGE) & (
        abs(middle_y / height - 0.5) < 0.5 - 3 * EDGE
    )
    narrow = np.minimum(parts.width, parts.height) * 12 < np.maximum(parts.width, parts.height)
    large = (parts.area >= 8) & (np.maximum(parts.width, parts.height) >= 4) & ~narrow
    return int(np.sum(inside & large & (_depths(page) > DARK)))


def _depths(page: PageInk) -> NDArray[np.float64]:
    """How much darker than the paper the ink of each component is."""
    inked = page.labels >= 0
    paper = float(np.percentile(page.grey, 75))
    numbers = page.labels[inked]
    total = np.bincount(numbers, page.grey[inked], len(page.components))
    depths: NDArray[np.float64] = (paper - total / np.maximum(page.components.area, 1)) / 255
    return depths
