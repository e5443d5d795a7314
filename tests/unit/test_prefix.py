"""Only the finished prefix is committed."""

from streams.prefix import Prefix


def test_commits_nothing_before_anything_was_seen():
    assert Prefix().committable() is None


def test_commits_up_to_the_lowest_offset_in_work():
    prefix = Prefix()
    for offset in (5, 6, 7):
        prefix.started(offset)

    prefix.finished(6)
    prefix.finished(7)
    assert prefix.committable() == 5

    prefix.finished(5)
    assert prefix.committable() == 8


def test_counts_what_is_in_work():
    prefix = Prefix()
    prefix.started(1)
    prefix.started(2)
    prefix.finished(1)

    assert len(prefix) == 1
