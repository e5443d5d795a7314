"""When deferred work is retried and when it fails finally: one row for each error class."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from processors.outcome import ErrorClass


@dataclass(frozen=True)
class Policy:
    """Full jitter: attempt n is followed by a wait of 0 to min(cap, base * factor ** (n - 1))."""

    base_seconds: float
    factor: float
    cap_seconds: float
    attempts: int
    code: str
    """Quarantine code after the last attempt."""


POLICIES: dict[ErrorClass, Policy] = {
    ErrorClass.STORAGE: Policy(1, 2, 300, 12, "work.storage-failed"),
    ErrorClass.TOOL_CRASHED: Policy(2, 2, 60, 4, "work.tool-crashed"),
    ErrorClass.TOOL_HUNG: Policy(5, 2, 120, 3, "work.tool-hung"),
    ErrorClass.MEMORY: Policy(10, 2, 300, 5, "work.out-of-memory"),
    ErrorClass.UNKNOWN: Policy(2, 3, 120, 4, "work.failed"),
}


def policy_of(error_class: str) -> Policy:
    """The policy of an error class; that of `unknown` for any other text."""
    try:
        return POLICIES[ErrorClass(error_class)]
    except ValueError:
        return POLICIES[ErrorClass.UNKNOWN]


def delay(policy: Policy, attempt: int, seed: str, scale: float = 1.0) -> timedelta:
    """The wait after a failed attempt (from 1); the same seed gives the same delay.

    See "full jitter" in https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """
    longest = min(policy.cap_seconds, policy.base_seconds * policy.factor ** (attempt - 1))
    return timedelta(seconds=random.Random(seed).random() * longest * scale)


def next_try(
    error_class: str,
    attempt: int,
    event_id: str,
    occurred_at: datetime,
    after_seconds: float | None,
    scale: float = 1.0,
) -> datetime | None:
    """When deferred work is due again; None when this was its last attempt.

    The delay that the cause asked for is added to the jitter and does not replace it: many work
    items with the same delay would otherwise return at the same moment."""
    policy = policy_of(error_class)
    if attempt >= policy.attempts:
        return None
    requested = timedelta(seconds=(after_seconds or 0.0) * scale)
    return occurred_at + requested + delay(policy, attempt, event_id, scale)
