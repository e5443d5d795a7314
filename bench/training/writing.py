"""Trains the model of kinds of writing and script styles."""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bench.training import corpus, forests, measured, validation
from bench.training.corpus import LabelledPage
from bench.training.held_out import HeldOut, Seen
from bench.training.writing_card import write_card
from processors.enrich.forest import WEIGHTS, Forest, save
from processors.enrich.writing_analyzer import KIND_OF_STYLE, MODEL, pooled

TREES = 120
LEAST_KIND = 0.5
LEAST_STYLE = 0.4
"""Below these calibrated probabilities a page is `unknown`."""


def main() -> None:
    """Validate by source, train on everything, write the weights and the card."""
    seen = [
        Seen(page, view, measured.writing(page, view))
        for page in (*corpus.scripts(), *corpus.figures())
        for view in views_of(page)
    ]
    seen = [one for one in seen if len(one.patches)]
    by_work = held_out(seen, [one.page.work for one in seen])
    temperature = fitted(by_work)
    by_repository = held_out(seen, [one.page.repository for one in seen], folds=16)
    settings = {
        "temperature": temperature,
        "trees": TREES,
        "least_kind": LEAST_KIND,
        "least_style": LEAST_STYLE,
    }
    save(WEIGHTS / f"{MODEL}.npz", {"style": trained(seen)}, settings)
    write_card(by_work, by_repository, settings)


def views_of(page: LabelledPage) -> tuple[int, ...]:
    """Which views of a page are used for training; printed pages are many, and give one."""
    turn = int(hashlib.sha256(page.name.encode()).hexdigest()[:4], 16)
    if page.name.startswith("figures/"):
        return (turn % 6,) if turn % 3 else ()
    return 0, 1 + turn % 5


def trained(seen: Sequence[Seen]) -> Forest:
    """The forest that tells styles apart, patch by patch."""
    labels = [one.page.style for one in seen for _ in one.patches]
    works = [one.page.work for one in seen for _ in one.patches]
    return forests.train(
        np.concatenate([one.patches for one in seen]),
        labels,
        forests.balanced(labels, works),
        trees=TREES,
        leaf=5,
        tried=30,
    )


def held_out(
    seen: Sequence[Seen], sources: Sequence[str], folds: int = validation.FOLDS
) -> HeldOut:
    """What models trained without a source find in it, for every source."""
    fold = validation.folds_by(sources, folds)
    found: dict[int, NDArray[np.float64]] = {}
    styles = sorted(KIND_OF_STYLE)
    for one in np.unique(fold):
        forest = trained([seen[int(at)] for at in np.flatnonzero(fold != one)])
        place = [styles.index(label) for label in forest.labels]
        for at in np.flatnonzero(fold == one):
            # A style of one repository alone is missing when that repository is held out.
            found[int(at)] = np.zeros((len(seen[int(at)].patches), len(styles)))
            found[int(at)][:, place] = forest.probabilities(seen[int(at)].patches)
    return HeldOut(seen, fold, [found[at] for at in range(len(seen))])


def fitted(result: HeldOut) -> float:
    """The temperature that calibrates the probabilities of pages."""
    styles = sorted(KIND_OF_STYLE)
    truth = np.array([styles.index(one.page.style) for one in result.seen])
    return validation.temperature(
        lambda value: np.array([pooled(patches, value) for patches in result.patches]), truth
    )
