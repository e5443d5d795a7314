"""Cross-validation by source, and the tables that model cards show."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

FOLDS = 8
LEAST_IN_BIN = 200


def folds_by(groups: Sequence[str], folds: int = FOLDS) -> NDArray[np.int64]:
    """A fold for each entry; entries of one group are in one fold, and folds are of like size."""
    size = Counter(groups)
    order = sorted(size, key=lambda group: (-size[group], hashlib.sha256(group.encode()).digest()))
    filled, fold_of = [0] * folds, {}
    for group in order:
        fold_of[group] = filled.index(min(filled))
        filled[fold_of[group]] += size[group]
    return np.array([fold_of[group] for group in groups])


def temperature(
    apply: Callable[[float], NDArray[np.floating[Any]]], truth: NDArray[np.int64]
) -> float:
    """The temperature at which held-out probabilities fit the truth best, within 3 %."""

    def loss(value: float) -> float:
        probabilities = apply(value)[np.arange(len(truth)), truth]
        return float(-np.log(np.maximum(probabilities, 1e-9)).mean())

    return round(float(min(np.geomspace(0.05, 5, 160), key=loss)), 3)


def reliability(scores: NDArray[np.float64], right: NDArray[np.bool_]) -> Iterator[str]:
    """Rows of a table: range of scores, how many, mean score, part that is right."""
    order = np.argsort(scores, kind="stable")
    bins = np.array_split(order, max(min(len(scores) // LEAST_IN_BIN, 6), 1))
    yield "| score | n | mean score | correct |"
    yield "|---|---|---|---|"
    for chosen in bins:
        low, high = scores[chosen].min(), scores[chosen].max()
        yield (
            f"| {low:.2f}–{high:.2f} | {len(chosen)} | {scores[chosen].mean():.3f} "
            f"| {right[chosen].mean():.3f} |"
        )


def confusion(truth: Sequence[str], found: Sequence[str]) -> Iterator[str]:
    """Rows of a table: what was found for each true label, and the recall."""
    labels = sorted(set(truth))
    columns = [*labels, *sorted(set(found) - set(labels))]
    count = Counter(zip(truth, found, strict=True))
    yield f"| true \\ found | {' | '.join(columns)} | recall |"
    yield "|---" * (len(columns) + 2) + "|"
    for label in labels:
        total = sum(count[label, column] for column in columns)
        cells = " | ".join(str(count[label, column]) for column in columns)
        yield f"| {label} | {cells} | {count[label, label] / total:.2f} |"


def spread(right: NDArray[np.bool_], folds: NDArray[np.int64]) -> str:
    """Accuracy, and how it differs between folds."""
    each = [right[folds == fold].mean() for fold in np.unique(folds)]
    return (
        f"{right.mean():.3f} (folds {min(each):.2f} to {max(each):.2f}, "
        f"standard deviation {np.std(each):.3f}, n = {len(right)})"
    )
