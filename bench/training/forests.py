"""Trains forests and writes them in the form that `processors/enrich/forest.py` reads."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier

from processors.enrich.forest import LEAF, Forest

SEED = 20


def train(
    samples: NDArray[np.float32],
    labels: Sequence[str],
    weights: NDArray[np.float64],
    *,
    trees: int,
    leaf: int,
    tried: int,
) -> Forest:
    """Extremely randomised trees with a fixed seed, on one core."""
    names = tuple(sorted(set(labels)))
    targets = np.array([names.index(label) for label in labels])
    learner = ExtraTreesClassifier(
        trees, min_samples_leaf=leaf, max_features=tried, random_state=SEED, n_jobs=1
    )
    learner.fit(samples, targets, sample_weight=weights)
    return _flat(names, [tree.tree_ for tree in learner.estimators_])


def balanced(labels: Sequence[str], groups: Sequence[str]) -> NDArray[np.float64]:
    """Weights with which each label counts alike, and within it each group."""
    pairs = list(zip(labels, groups, strict=True))
    count = {pair: pairs.count(pair) for pair in set(pairs)}
    of_label = {label: sum(1 for one, _ in count if one == label) for label in set(labels)}
    weights = np.array([1 / (count[pair] * of_label[pair[0]]) for pair in pairs])
    return weights * len(weights) / weights.sum()


def _flat(names: tuple[str, ...], trees: list) -> Forest:  # type: ignore[type-arg]
    roots, measures, thresholds, rights, shares, leaves = [], [], [], [], [], []
    start, leaf_start = 0, 0
    for tree in trees:
        is_leaf = tree.children_left < 0
        # Children are numbered depth first, so the left one is the next node.
        inner = np.flatnonzero(~is_leaf)
        assert (tree.children_left[inner] == inner + 1).all()
        roots.append(start)
        measures.append(np.where(is_leaf, LEAF, tree.feature))
        thresholds.append(np.where(is_leaf, 0, tree.threshold))
        rights.append(np.where(is_leaf, 0, tree.children_right + start))
        values = tree.value[is_leaf, 0]
        shares.append(np.round(255 * values / values.sum(1, keepdims=True)))
        numbers = np.zeros(len(is_leaf))
        numbers[is_leaf] = leaf_start + np.arange(is_leaf.sum())
        leaves.append(numbers)
        start, leaf_start = start + len(is_leaf), leaf_start + int(is_leaf.sum())
    return Forest(
        names,
        np.array(roots, np.int64),
        np.concatenate(measures).astype(np.int16),
        np.concatenate(thresholds).astype(np.float32),
        np.concatenate(rights).astype(np.int32),
        np.concatenate(shares).astype(np.uint8),
        np.concatenate(leaves).astype(np.int32),
    )
