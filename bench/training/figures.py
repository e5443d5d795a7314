"""Trains the model that finds figures: a forest for cells of a page, and one for boxes of cells."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bench.training import corpus, forests, measured, validation
from bench.training.corpus import LabelledPage
from bench.training.crops import Example, examples_of, labelled_crops
from bench.training.figure_card import write_card
from processors.enrich.figure_analyzer import MODEL, NONE, NOTATION, calibrated
from processors.enrich.figure_boxes import box_features, boxes_of
from processors.enrich.figure_cells import CELL
from processors.enrich.forest import WEIGHTS, Forest, save

FOLDS = 6
CELL_TREES = 40
BOX_TREES = 200
FIGURE_CELLS, OTHER_CELLS = 250, 150
"""Cells of each page that are trained on."""
LEAST = {"illustration": 0.45, "ornament": 0.35, "initial": 0.7}
"""Calibrated scores from which a figure is suggested; many pages without figures have initials."""


def main() -> None:
    """Validate by work, train on everything, write the weights and the card."""
    pages = [page for page in (*corpus.figures(), *corpus.scripts()) if views_of(page)]
    fold = validation.folds_by([page.work for page in pages], FOLDS)
    crops = labelled_crops()
    examples: list[Example] = []
    for one in range(FOLDS):
        cells = trained_cells([pages[at] for at in np.flatnonzero(fold != one)])
        for at in np.flatnonzero(fold == one):
            examples.extend(_examples(pages[at], cells, crops.get(pages[at].name, ())))
    labelled = [one for one in examples if one.label is not None]
    results = held_out(examples, labelled)
    names = sorted({*NOTATION, NONE})
    seen = [one for one in results if one.label is not None]
    truth = np.array([names.index(str(one.label)) for one in seen])
    shares = np.array([one.shares for one in seen])
    temperature = validation.temperature(lambda value: calibrated(shares, value), truth)
    settings = {"temperature": temperature, "least": LEAST}
    save(
        WEIGHTS / f"{MODEL}.npz",
        {"cell": trained_cells(pages), "box": trained_boxes(labelled)},
        settings,
    )
    write_card(pages, results, names, settings)


def views_of(page: LabelledPage) -> tuple[int, ...]:
    """Which views of a page are used for training; in all of them boxes are where they were."""
    turn = int(hashlib.sha256(page.name.encode()).hexdigest()[:4], 16)
    if not page.figures_known or (page.name.startswith("scripts/") and turn % 2):
        return ()
    return (0, (1, 3, 5)[turn // 2 % 3]) if turn // 2 % 2 else (0,)


def trained_cells(pages: Sequence[LabelledPage]) -> Forest:
    """The forest that tells cells of figures from all others."""
    random = np.random.default_rng(forests.SEED)
    samples, labels = [], []
    for page in pages:
        for number in views_of(page):
            cells = measured.cells(page, number)
            inside = _inside(page, cells.shape[0], cells.shape[1]).ravel()
            flat = cells.reshape(-1, cells.shape[-1])
            figure = random.permutation(np.flatnonzero(inside))[:FIGURE_CELLS]
            other = random.permutation(np.flatnonzero(~inside))[:OTHER_CELLS]
            samples.append(flat[np.concatenate([figure, other])])
            labels.extend(["figure"] * len(figure) + ["other"] * len(other))
    weights = forests.balanced(labels, labels)
    return forests.train(
        np.concatenate(samples), labels, weights, trees=CELL_TREES, leaf=10, tried=10
    )


def trained_boxes(examples: Sequence[Example]) -> Forest:
    """The forest that tells kinds of boxes apart."""
    labels = [str(one.label) for one in examples]
    return forests.train(
        np.array([one.measures for one in examples], np.float32),
        labels,
        forests.balanced(labels, labels),
        trees=BOX_TREES,
        leaf=2,
        tried=20,
    )


def held_out(examples: Sequence[Example], labelled: Sequence[Example]) -> list[Example]:
    """Each example with what a forest that saw no box of its work found in it."""
    fold = validation.folds_by([one.page.work for one in examples], FOLDS)
    fold_of = dict(zip([one.page.work for one in examples], fold, strict=True))
    results: list[Example] = []
    for number in range(FOLDS):
        forest = trained_boxes([one for one in labelled if fold_of[one.page.work] != number])
        chosen = [one for one in examples if fold_of[one.page.work] == number]
        found = forest.probabilities(np.array([one.measures for one in chosen]))
        results.extend(
            replace(one, shares=shares, fold=number)
            for one, shares in zip(chosen, found, strict=True)
        )
    return results


def _examples(
    page: LabelledPage, cells: Forest, crops: Sequence[tuple[corpus.Box, str | None]]
) -> list[Example]:
    measures = measured.cells(page, 0)
    rows, columns, count = measures.shape
    found = cells.probabilities(measures.reshape(-1, count))[:, cells.labels.index("figure")]
    likely = found.reshape(rows, columns).astype(np.float32)
    ink = measured.ink(page)
    return [
        Example(page, detected, box, label, box_features(ink, likely, box))
        for box, label, detected in examples_of(page, boxes_of(likely), crops, ink.ink.shape)
    ]


def _inside(page: LabelledPage, rows: int, columns: int) -> NDArray[np.bool_]:
    """Which cells are in a box; CELL is about a hundredth of the page."""
    inside = np.zeros((rows, columns), bool)
    for left, top, right, bottom in page.boxes:
        if (right - left) * (bottom - top) * rows * columns * CELL * CELL < 30 * CELL * CELL:
            continue
        inside[
            round(top * rows) : round(bottom * rows), round(left * columns) : round(right * columns)
        ] = True
    return inside
