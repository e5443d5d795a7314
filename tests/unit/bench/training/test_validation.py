"""Sources are never split, and tables show bins that are large enough."""

import numpy as np

from bench.training import validation


def test_a_source_is_in_one_fold_and_folds_are_of_like_size():
    sources = [f"s{number % 13}" for number in range(130)]

    folds = validation.folds_by(sources, 4)

    assert all(
        len({fold for fold, one in zip(folds, sources, strict=True) if one == s}) == 1
        for s in sources
    )
    assert sorted(np.bincount(folds)) == [30, 30, 30, 40]


def test_the_temperature_makes_scores_as_sure_as_they_are_right():
    truth = np.array([0] * 80 + [1] * 20)

    def apply(value: float) -> np.ndarray:
        first = 1 / (1 + np.exp(-2 / value))
        return np.tile([first, 1 - first], (100, 1))

    assert np.isclose(apply(validation.temperature(apply, truth))[0, 0], 0.8, atol=0.01)


def test_bins_have_200_entries_or_there_is_one():
    scores = np.linspace(0, 1, 450)

    rows = list(validation.reliability(scores, scores > 0.5))[2:]

    assert [row.split(" | ")[1] for row in rows] == ["225", "225"]
    assert rows[0].endswith("| 0.000 |")
    assert rows[1].endswith("| 1.000 |")


def test_the_confusion_shows_answers_that_are_not_true_labels():
    rows = list(validation.confusion(["a", "a", "b"], ["a", "unknown", "b"]))

    assert rows[0] == "| true \\ found | a | b | unknown | recall |"
    assert rows[2] == "| a | 1 | 0 | 1 | 0.50 |"
