"""When a partition counts as stalled: records follow its offset, which stays the same for several
checks of a waiting consumer."""

from streams.kafka.stalled_partitions import (
    CHECKS,
    IDLE_AFTER_SECONDS,
    IdleTimer,
    StalledPartitions,
)

STALLED, READ = ("pages", 0), ("pages", 1)


def checked(stalled: StalledPartitions, times: int, end: int = 4) -> list[bool]:
    """Whether the partition is suspect at each of several checks at offset 3."""
    return [bool(stalled.suspects({STALLED: 3}, {STALLED: end})) for _ in range(times)]


def test_a_partition_is_suspect_after_several_checks_without_progress():
    stalled = StalledPartitions()

    suspects = [
        stalled.suspects({STALLED: 3, READ: 7}, {STALLED: 4, READ: 7}) for _ in range(CHECKS)
    ]

    assert suspects == [[]] * (CHECKS - 1) + [[STALLED]]


def test_each_new_offset_begins_the_count_again():
    stalled = StalledPartitions()

    suspects = [stalled.suspects({STALLED: at // 2}, {STALLED: 100}) for at in range(4 * CHECKS)]

    assert suspects == [[]] * (4 * CHECKS)


def test_new_records_behind_an_unchanged_offset_do_not_begin_the_count_again():
    stalled = StalledPartitions()

    suspects = [stalled.suspects({STALLED: 3}, {STALLED: 4 + at}) for at in range(CHECKS)]

    assert suspects[-1] == [STALLED]


def test_a_partition_that_is_no_longer_assigned_is_forgotten():
    stalled = StalledPartitions()

    checked(stalled, CHECKS - 1)
    stalled.suspects({READ: 1}, {READ: 1})

    assert checked(stalled, 1) == [False]


def test_a_partition_without_an_answer_is_suspect_again_after_as_many_checks():
    stalled = StalledPartitions()
    checked(stalled, CHECKS)

    stalled.answer(STALLED, None)

    assert checked(stalled, CHECKS) == [False] * (CHECKS - 1) + [True]
    assert not stalled.only_markers(STALLED)


def test_transaction_markers_are_no_stall_until_more_records_follow_them():
    stalled = StalledPartitions()
    checked(stalled, CHECKS)

    stalled.answer(STALLED, False)

    assert stalled.only_markers(STALLED)
    assert checked(stalled, 2 * CHECKS) == [False] * 2 * CHECKS
    # The consumer has as long to read them as the first ones.
    assert checked(stalled, CHECKS, end=5) == [False] * (CHECKS - 1) + [True]
    assert not stalled.only_markers(STALLED)


def test_a_consumer_is_idle_only_when_it_has_waited_without_interruption():
    now = [0.0]
    idle = IdleTimer(lambda: now[0])

    seen = []
    for waits, seconds in ((True, 0), (True, 3), (False, 0), (True, 1), (True, 1.5)):
        now[0] += seconds
        idle.polled(waits=waits)
        seen.append(bool(idle))
    now[0] += IDLE_AFTER_SECONDS

    assert seen == [False, True, False, False, False]
    assert idle
