"""Only offsets before the first unfinished message are committed."""

from streams.kafka.offset_tracker import OffsetTracker


def a_tracker(*offsets: int) -> OffsetTracker:
    tracker = OffsetTracker()
    for offset in offsets:
        tracker.track(offset)
    return tracker


def test_nothing_is_committed_before_the_first_message():
    assert OffsetTracker().safe_offset() is None


def test_commits_up_to_the_lowest_offset_in_work():
    tracker = a_tracker(5, 6, 7)

    tracker.finish(6)
    tracker.finish(7)
    while_first_is_in_work = tracker.safe_offset()
    tracker.finish(5)

    assert (while_first_is_in_work, tracker.safe_offset()) == (5, 8)


def test_nothing_is_committed_past_an_offset_that_was_left_to_a_later_process():
    tracker = a_tracker(5, 6, 7)

    tracker.finish(5)
    tracker.release(6)
    tracker.finish(7)

    assert (tracker.safe_offset(), len(tracker)) == (6, 0)


def test_counts_the_offsets_in_work():
    tracker = a_tracker(1, 2)

    tracker.finish(1)

    assert len(tracker) == 1
