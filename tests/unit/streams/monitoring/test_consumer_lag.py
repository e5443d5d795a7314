"""Since when a group has not moved: only time counts in which it had work and all it needs."""

from streams.monitoring.consumer_lag import GroupLag, StallDetector


def test_a_group_with_work_that_finishes_nothing_stands_still():
    progress = StallDetector()

    seen = [
        progress.still_for({"g": GroupLag(lag, committed)}, lambda _: True, now)["g"]
        for now, lag, committed in ((0, 5, 10), (30, 5, 10), (60, 4, 11), (90, 4, 11))
    ]

    assert seen == [0, 30, 0, 30]


def test_without_work_or_without_what_it_needs_no_time_counts():
    progress = StallDetector()

    for now in (0, 100, 200):
        idle = progress.still_for({"g": GroupLag(0, 10)}, lambda _: True, now)["g"]
    for now in (300, 400):
        unable = progress.still_for({"g": GroupLag(5, 10)}, lambda _: False, now)["g"]
    able = progress.still_for({"g": GroupLag(5, 10)}, lambda _: True, 450)["g"]

    assert (idle, unable, able) == (0, 0, 50)
