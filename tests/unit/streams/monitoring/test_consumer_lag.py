"""For how long a group has made no progress: only time with work and all that it needs counts."""

from streams.monitoring.consumer_lag import GroupLag, StallDetector


def test_a_group_that_has_work_and_finishes_nothing_is_stalled():
    stalls = StallDetector()

    seen = [
        stalls.stalled_seconds({"g": GroupLag(lag, committed)}, lambda _: True, now)["g"]
        for now, lag, committed in ((0, 5, 10), (30, 5, 10), (60, 4, 11), (90, 4, 11))
    ]

    assert seen == [0, 30, 0, 30]


def test_time_without_work_or_without_a_server_does_not_count():
    stalls = StallDetector()

    for now in (0, 100, 200):
        idle = stalls.stalled_seconds({"g": GroupLag(0, 10)}, lambda _: True, now)["g"]
    for now in (300, 400):
        unable = stalls.stalled_seconds({"g": GroupLag(5, 10)}, lambda _: False, now)["g"]
    able = stalls.stalled_seconds({"g": GroupLag(5, 10)}, lambda _: True, 450)["g"]

    assert (idle, unable, able) == (0, 0, 50)
