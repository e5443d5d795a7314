"""Only the finished prefix is committed."""

from streams.kafka.offset_tracker import OffsetTracker


def test_commits_nothing_before_anything_was_seen():
    assert OffsetTracker().safe_offset() is None


def test_commits_up_to_the_lowest_offset_in_work():
    prefix = OffsetTracker()
    for offset in (5, 6, 7):
        prefix.track(offset)

    prefix.finish(6)
    prefix.finish(7)
    assert prefix.safe_offset() == 5

    prefix.finish(5)
    assert prefix.safe_offset() == 8


def test_counts_what_is_in_work():
    prefix = OffsetTracker()
    prefix.track(1)
    prefix.track(2)
    prefix.finish(1)

    assert len(prefix) == 1
