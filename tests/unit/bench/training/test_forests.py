"""Trained forests are what the learner made, and the same training gives the same bytes."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesClassifier

from bench.training import forests
from processors.enrich.forest import save

pytestmark = pytest.mark.long


def learned() -> tuple[np.ndarray, list[str]]:
    random = np.random.default_rng(3)
    labels = ["c", "a", "b"] * 40
    centres = {"a": 0.0, "b": 2.0, "c": 4.0}
    samples = random.normal(0, 1, (120, 5)) + np.array([centres[one] for one in labels])[:, None]
    return samples.astype(np.float32), labels


def test_a_forest_gives_the_probabilities_of_its_learner():
    samples, labels = learned()

    forest = forests.train(samples, labels, np.ones(120), trees=7, leaf=3, tried=2)

    learner = ExtraTreesClassifier(7, min_samples_leaf=3, max_features=2, random_state=forests.SEED)
    expected = learner.fit(samples, labels).predict_proba(samples)
    assert forest.labels == ("a", "b", "c")
    assert np.abs(forest.probabilities(samples) - expected).max() < 0.01


def test_the_same_training_gives_the_same_digest(tmp_path: Path):
    samples, labels = learned()

    for name in ("one", "two"):
        forest = forests.train(samples, labels, np.ones(120), trees=5, leaf=2, tried=2)
        save(tmp_path / name, {"style": forest}, {"temperature": 0.5})

    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_labels_count_alike_and_within_them_groups():
    weights = forests.balanced(["a", "a", "a", "b"], ["one", "one", "two", "one"])

    assert weights.tolist() == [0.5, 0.5, 1.0, 2.0]
