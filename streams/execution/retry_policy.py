"""When a deferred work is tried again and when it is given up: data, one row per error class."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from processors.outcome import ErrorClass


@dataclass(frozen=True)
class Policy:
    """Full jitter: after attempt n it waits between 0 and min(cap, base * factor ** (n - 1))."""

    base_seconds: float
    factor: float
    cap_seconds: float
    attempts: int
    code: str
    """Code of the quarantine record after the last attempt."""


POLICIES: dict[ErrorClass, Policy] = {
    ErrorClass.STORAGE: Policy(1, 2, 300, 12, "work.storage-failed"),
    ErrorClass.TOOL_CRASHED: Policy(2, 2, 60, 4, "work.tool-crashed"),
    ErrorClass.TOOL_HUNG: Policy(5, 2, 120, 3, "work.tool-hung"),
    ErrorClass.MEMORY: Policy(10, 2, 300, 5, "work.out-of-memory"),
    ErrorClass.UNKNOWN: Policy(2, 3, 120, 4, "work.failed"),
}


def policy_of(error_class: str) -> Policy:
    """The policy of an error class; what nobody foresaw is `unknown`."""
    try:
        return POLICIES[ErrorClass(error_class)]
    except ValueError:
        return POLICIES[ErrorClass.UNKNOWN]


def delay(policy: Policy, attempt: int, seed: str, scale: float = 1.0) -> timedelta:
    """How long to wait after a failed attempt (from 1); the same seed gives the same delay.

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
    """When a deferred work is due again; None when this was its last attempt.

    What the cause asked for comes before the jitter, not in its place: many that were told to
    wait equally long would come back in one moment."""
    policy = policy_of(error_class)
    if attempt >= policy.attempts:
        return None
    asked = timedelta(seconds=(after_seconds or 0.0) * scale)
    return occurred_at + asked + delay(policy, attempt, event_id, scale)
