"""Thresholds follow from what persons accepted."""

from streams.cli.review_figures import thresholds


def decided(*pairs: tuple[float, bool], label: str = "print") -> list[dict]:
    return [
        {"model": "m", "kind": "writing", "label": label, "score": score, "is_right": right}
        for score, right in sorted(pairs, reverse=True)
    ]


def test_the_threshold_is_the_lowest_score_that_reaches_the_precision():
    right = [(0.9 - n / 1000, True) for n in range(18)]
    wrong = [(0.5, False), (0.4, False), (0.3, False)]

    (found,) = thresholds(decided(*right, *wrong), 0.9)

    # 18 of 20 are right down to 0.4, 18 of 21 down to 0.3.
    assert (found["threshold"], found["precision"], found["kept"]) == (0.4, 0.9, 20)
    assert found["decided"] == 21


def test_equal_scores_are_above_a_threshold_together():
    rows = decided(*[(0.8, True)] * 15, *[(0.8, False)] * 5)

    (found,) = thresholds(rows, 0.9)

    assert found["threshold"] is None


def test_nothing_is_suggested_from_few_decisions():
    (found,) = thresholds(decided(*[(0.8, True)] * 19), 0.9)

    assert (found["decided"], found["threshold"]) == (19, None)


def test_each_label_has_its_own_threshold():
    rows = decided(*[(0.8, True)] * 20) + decided(*[(0.7, True)] * 20, label="typed")

    assert [(one["label"], one["threshold"]) for one in thresholds(rows, 0.9)] == [
        ("print", 0.8),
        ("typed", 0.7),
    ]
