"""When a partition counts as not read: a message stands ready, and a waiting consumer is not given
it, look after look."""

from streams.kafka.stalled_partitions import (
    CHECKS,
    IDLE_AFTER_SECONDS,
    IdleTimer,
    StalledPartitions,
)

STUCK, OTHER = ("pages", 0), ("pages", 1)


def test_what_stands_ready_and_is_not_given_is_told_at_every_so_many_looks():
    unread = StalledPartitions()

    told = [unread.look({STUCK: 3, OTHER: 7}, {STUCK: 4, OTHER: 7}) for _ in range(2 * CHECKS)]

    assert told == ([[]] * (CHECKS - 1) + [[STUCK]]) * 2


def test_each_message_that_comes_begins_the_count_anew():
    unread = StalledPartitions()

    told = [unread.look({STUCK: at // 2}, {STUCK: 100}) for at in range(4 * CHECKS)]

    assert told == [[]] * (4 * CHECKS)


def test_a_partition_that_is_no_longer_ours_is_forgotten():
    unread = StalledPartitions()

    for _ in range(CHECKS - 1):
        unread.look({STUCK: 3}, {STUCK: 4})
    unread.look({OTHER: 1}, {OTHER: 1})

    assert unread.look({STUCK: 3}, {STUCK: 4}) == []


def test_a_consumer_is_hungry_only_when_it_has_waited_without_a_break():
    now = [0.0]
    hunger = IdleTimer(lambda: now[0])

    seen = []
    for waits, seconds in ((True, 0), (True, 3), (False, 0), (True, 1), (True, 1.5)):
        now[0] += seconds
        hunger.polled(waits=waits)
        seen.append(bool(hunger))
    now[0] += IDLE_AFTER_SECONDS

    assert seen == [False, True, False, False, False]
    assert hunger
