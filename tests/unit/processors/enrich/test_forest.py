"""Forests give the mean of their trees, and the same weights are the same bytes."""

from pathlib import Path

import numpy as np

from processors.enrich import forest
from processors.enrich.forest import LEAF, Forest, save


def two_trees() -> Forest:
    """The first tree asks measure 0 (above 1.5: b), the second one is a leaf of equal shares."""
    return Forest(
        labels=("a", "b"),
        roots=np.array([0, 3], np.int64),
        measure=np.array([0, LEAF, LEAF, LEAF], np.int16),
        threshold=np.array([1.5, 0, 0, 0], np.float32),
        right=np.array([2, 0, 0, 0], np.int32),
        shares=np.array([[255, 0], [0, 255], [128, 128]], np.uint8),
        leaf=np.array([0, 0, 1, 2], np.int32),
    )


def test_each_sample_goes_its_way_through_the_trees():
    found = two_trees().probabilities(np.array([[1.0], [2.0], [1.5]]))

    assert np.round(found, 2).tolist() == [[0.75, 0.25], [0.25, 0.75], [0.75, 0.25]]


def test_no_samples_give_no_rows():
    assert two_trees().probabilities(np.zeros((0, 1))).shape == (0, 2)


def test_many_samples_are_the_same_as_one_by_one():
    samples = np.random.default_rng(1).uniform(0, 3, (forest.AT_ONCE + 5, 1))

    found = two_trees().probabilities(samples)

    assert (
        found == np.concatenate([two_trees().probabilities(one[None]) for one in samples])
    ).all()


def test_what_is_written_twice_is_the_same_and_can_be_read(tmp_path: Path, monkeypatch):
    for name in ("one", "two"):
        save(tmp_path / f"{name}.npz", {"style": two_trees()}, {"temperature": 0.5})
    monkeypatch.setattr(forest, "WEIGHTS", tmp_path)

    one, two = forest.load("one"), forest.load("two")

    assert one.sha256 == two.sha256
    assert one.settings["temperature"] == 0.5
    assert one.forests["style"].labels == ("a", "b")
    assert one.forests["style"].probabilities(np.array([[2.0]])).tolist() == (
        two_trees().probabilities(np.array([[2.0]])).tolist()
    )


def test_the_committed_weights_are_small():
    files = sorted(forest.WEIGHTS.glob("*.npz"))

    assert [path.stem for path in files] == ["figure", "writing"]
    assert sum(path.stat().st_size for path in files) < 5_000_000
