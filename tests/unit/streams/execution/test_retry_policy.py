"""A thousand work items that fail at the same moment are retried spread out and a limited number of
times.

The rate of retries is measured over the window into which full jitter spreads one attempt: the
busiest tenth of that window, wherever it begins, is compared with the mean of the window."""

import bisect
import heapq
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from processors.outcome import ErrorClass, TryLater
from processors.pipeline import STEPS
from processors.premis import events_of
from schemas import ids
from schemas.codec import decode, encode
from schemas.models import WorkDeferred
from streams.execution.facts import FactBuilder, Work
from streams.execution.retry_policy import POLICIES, Policy, delay, next_try, policy_of
from streams.kafka.messages import Incoming
from streams.storage.memory import MemoryStorage
from tests.support.builders import a_page

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
FAILURES = 1000
ACQUIRE = next(step for step in STEPS if step.name == "acquire_page")
ROUNDS = [
    (error_class, attempt)
    for error_class, policy in POLICIES.items()
    for attempt in range(1, policy.attempts)
]


def window_seconds(policy: Policy, attempt: int) -> float:
    """How long the retries of one attempt are spread over."""
    return min(policy.cap_seconds, policy.base_seconds * policy.factor ** (attempt - 1))


def event_id(work: int, attempt: int) -> str:
    return ids.deferral_id(ids.work_id(ids.make_id("page", work), "acquire_page"), attempt)


def due_seconds(error_class: str, attempt: int, after: float | None = None) -> list[float]:
    """When each of a thousand works that failed at noon is due, in seconds after noon, in order."""
    due = []
    for work in range(FAILURES):
        at = next_try(error_class, attempt, event_id(work, attempt), NOON, after)
        assert at is not None
        due.append((at - NOON).total_seconds())
    return sorted(due)


def peak_over_mean(due: list[float], begin: float, length: float) -> float:
    """The busiest tenth of a window, wherever it begins, divided by the mean of all."""
    assert begin <= due[0] and due[-1] <= begin + length
    tenth = length / 10
    busiest = max(bisect.bisect_left(due, at + tenth) - n for n, at in enumerate(due))
    return busiest / (len(due) / 10)


@pytest.mark.parametrize(("error_class", "attempt"), ROUNDS)
def test_the_peak_of_a_thousand_retries_is_less_than_twice_their_mean(error_class, attempt):
    due = due_seconds(error_class, attempt)

    length = window_seconds(policy_of(error_class), attempt)
    assert peak_over_mean(due, 0, length) <= 2


def test_work_with_the_same_requested_delay_does_not_return_at_the_same_moment():
    due = due_seconds("storage", 5, after=30)

    assert peak_over_mean(due, 30, window_seconds(policy_of("storage"), 5)) <= 2


@pytest.mark.parametrize("error_class", list(ErrorClass))
def test_an_endless_outage_causes_a_limited_number_of_increasingly_rare_attempts(error_class):
    policy = policy_of(error_class)
    attempts = dict.fromkeys(range(FAILURES), 1)
    clock, retries = NOON, []
    waiting = [(NOON, work, 1) for work in range(FAILURES)]
    while waiting:  # each retry fails in the moment in which it is due
        clock, work, failed = heapq.heappop(waiting)
        due = next_try(error_class, failed, event_id(work, failed), clock, None)
        if due is not None:
            retries.append((due - NOON).total_seconds())
            attempts[work] = failed + 1
            heapq.heappush(waiting, (due, work, failed + 1))

    longest = sum(window_seconds(policy, attempt) for attempt in range(1, policy.attempts))
    retries.sort()
    first_window = bisect.bisect(retries, policy.base_seconds)
    assert set(attempts.values()) == {policy.attempts}
    assert len(retries) == FAILURES * (policy.attempts - 1)
    assert retries[-1] <= longest
    windows = [bisect.bisect(retries, at) for at in _steps(policy.base_seconds, longest)]
    counts = [after - before for before, after in pairwise(windows)]
    assert max(counts) <= 1.5 * first_window  # later rounds overlap but do not accumulate


def _steps(size: float, end: float) -> list[float]:
    return [number * size for number in range(int(end / size) + 2)]


@pytest.mark.parametrize("policy", POLICIES.values(), ids=list(POLICIES))
def test_every_class_is_bounded_in_attempts_and_in_waiting(policy: Policy):
    assert 1 < policy.attempts <= 12
    assert 0 < policy.base_seconds <= policy.cap_seconds <= 300
    assert policy.factor > 1


def test_every_class_has_a_policy():
    assert set(POLICIES) == set(ErrorClass)


def deferral(folder: Path, attempt: int, scale: float = 1.0) -> WorkDeferred:
    """The fact about an attempt of acquire_page that failed at noon."""
    value = encode(a_page())
    headers = {"step": b"acquire_page", "attempt": str(attempt).encode()}
    message = Incoming("digitization.page.admitted.v1", 0, 0, b"vol-1:0001", value, headers)
    builder = FactBuilder(MemoryStorage(folder), "1", clock=lambda: NOON, retry_scale=scale)
    outcome = TryLater("the store is away", ErrorClass.STORAGE)
    (fact,) = builder.facts(Work(ACQUIRE, a_page(), message), outcome)
    assert isinstance(fact, WorkDeferred)
    return fact


def test_a_deferral_says_which_attempt_of_how_many_failed_and_when_the_next_is_due(tmp_path):
    fact = deferral(tmp_path, attempt=3)

    due = next_try("storage", 3, fact.head.event_id, NOON, None)
    assert (fact.attempt, fact.attempts_allowed, fact.next_at) == (3, 12, due)
    (event,) = events_of(fact)
    assert due is not None
    seconds = f"{(due - NOON).total_seconds():.3f}"
    assert (event.event_type, event.code) == ("deferral", "deferred.storage")
    assert event.detail == (
        "acquire_page, attempt 3 of 12: the store is away; "
        f"next attempt in {seconds} s, at {due:%Y-%m-%dT%H:%M:%S.%fZ}"
    )


def test_the_last_attempt_says_that_it_was_the_last(tmp_path):
    fact = deferral(tmp_path, attempt=12)

    assert fact.next_at is None
    (event,) = events_of(fact)
    assert event.detail == (
        "acquire_page, attempt 12 of 12: the store is away; it was the last attempt"
    )


def test_the_next_attempt_is_the_same_after_encoding(tmp_path):
    fact = deferral(tmp_path, attempt=2, scale=0.05)

    assert decode(encode(fact)) == fact
    assert fact.next_at is not None
    assert fact.next_at - NOON < timedelta(seconds=2 * 0.05)


def test_a_deferral_without_a_recorded_next_attempt_keeps_its_event(tmp_path):
    unknown = {"attempts_allowed": 0, "next_at": None}
    fact = deferral(tmp_path, attempt=3).model_copy(update=unknown)

    (event,) = events_of(fact)

    assert event.detail == "acquire_page, attempt 3: the store is away"


def test_the_same_deferral_waits_the_same_time():
    policy = POLICIES[ErrorClass.UNKNOWN]

    assert delay(policy, 2, "seed") == delay(policy, 2, "seed")
    assert delay(policy, 2, "seed") != delay(policy, 2, "another seed")


@pytest.mark.parametrize("error_class", list(ErrorClass))
def test_a_delay_lies_between_zero_and_its_limit(error_class):
    policy = policy_of(error_class)

    delays = [delay(policy, attempt, str(attempt)) for attempt in range(1, 40)]

    assert all(timedelta(0) <= one <= timedelta(seconds=policy.cap_seconds) for one in delays)


def test_there_is_no_attempt_after_the_last():
    last = POLICIES[ErrorClass.TOOL_HUNG].attempts

    assert next_try("tool-hung", last - 1, "e", NOON, None) is not None
    assert next_try("tool-hung", last, "e", NOON, None) is None


def test_waits_as_long_as_the_cause_requires():
    due = next_try("unknown", 1, "e", NOON, 3600.0)

    assert due == NOON + timedelta(hours=1) + delay(policy_of("unknown"), 1, "e")


def test_an_unknown_error_class_has_the_policy_of_unknown_errors():
    assert policy_of("gremlins") is POLICIES[ErrorClass.UNKNOWN]
