"""The link of a machine, shared by classes of traffic: each has a minimum, masters go first.

Pure arithmetic on a state that the caller keeps, so that several processes can share it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from streams.traffic.token_bucket import TokenBucket

WANTED_SECONDS = 0.15
"""How long a class that was refused goes before lower ones. A waiter asks again before that; one
that was killed does not, and leaves nothing behind."""
SHORTEST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.001, 0.05
LINK_BURST_SECONDS = 0.1
"""What the link saves while all wait between two attempts."""
SPEED_SECONDS = 5.0
"""The time over which the present speed is the mean."""


class TrafficClass(StrEnum):
    """Kinds of traffic, in the order in which they get what the others leave unused."""

    MASTERS = "masters"
    ACCESS = "access"
    PACKAGES = "packages"
    REPAIR = "repair"


@dataclass(frozen=True)
class LinkRates:
    """What may pass in one direction, in bytes and bytes in a second."""

    total: float
    minimums: Mapping[TrafficClass, float]
    """Their sum is at most the total."""
    bursts: Mapping[TrafficClass, float]

    @property
    def burst(self) -> float:
        """What idle time saves for classes without a token of their own."""
        return self.total * LINK_BURST_SECONDS


@dataclass
class ClassState:
    """One class in one direction: its own bucket, and its figures."""

    tokens: float = 0.0
    filled_at: float = 0.0
    wanted_until: float = 0.0
    size_bytes: float = 0.0
    """Bytes that passed since the state was made."""
    waits: float = 0.0
    """Transfers that had to wait."""
    waited_seconds: float = 0.0
    speed: float = 0.0
    """Bytes in a second, at `filled_at`."""


@dataclass
class LinkState:
    """One direction of a link."""

    tokens: float = 0.0
    filled_at: float = 0.0
    classes: list[ClassState] = field(default_factory=lambda: [ClassState() for _ in TrafficClass])

    def numbers(self) -> list[float]:
        """All of it in a fixed order."""
        found = [self.tokens, self.filled_at]
        for one in self.classes:
            found += vars(one).values()
        return found

    @classmethod
    def of(cls, numbers: Sequence[float], now: float) -> "LinkState":
        """The state of these numbers; a new one if they cannot be: half written, or of another
        boot."""
        width = len(vars(ClassState()))
        classes = [ClassState(*numbers[at : at + width]) for at in range(2, len(numbers), width)]
        state = cls(numbers[0], numbers[1], classes)
        times = [state.filled_at, *(one.filled_at for one in classes)]
        if all(map(math.isfinite, numbers)) and max(times) <= now + 1:
            return state
        return cls(filled_at=now, classes=[ClassState(filled_at=now) for _ in TrafficClass])


COUNT = len(LinkState().numbers())
"""How many numbers a state has."""


def attempt(
    state: LinkState,
    rates: LinkRates | None,
    which: TrafficClass,
    size: int,
    now: float,
    waited: float = 0.0,
) -> float:
    """Let bytes of a class pass and return 0, or return the seconds after which to ask again.

    A class first uses its minimum, also while the link is in debt, and then what others leave
    unused, unless a class before it waits. Without rates all pass, and are counted."""
    order = list(TrafficClass).index(which)
    own = state.classes[order]
    if rates is not None:
        wait = _wait(state, rates, order, size, now)
        if wait:
            own.wanted_until = now + WANTED_SECONDS
            return wait
    own.speed = speed_at(own, now) + size / SPEED_SECONDS
    own.filled_at = now
    own.size_bytes += size
    own.waits += waited > 0
    own.waited_seconds += waited
    return 0.0


def _wait(state: LinkState, rates: LinkRates, order: int, size: int, now: float) -> float:
    which, own = list(TrafficClass)[order], state.classes[order]
    minimum = TokenBucket(rates.minimums[which], rates.bursts[which], own.tokens, own.filled_at)
    link = TokenBucket(rates.total, rates.burst, state.tokens, state.filled_at)
    has_minimum, link_is_free = minimum.may_take(now), link.may_take(now)
    before_it_wait = any(one.wanted_until > now for one in state.classes[:order])
    passes = has_minimum or (link_is_free and not before_it_wait)
    if passes:
        link.take(size)
    if has_minimum:
        minimum.take(size)
    state.tokens, state.filled_at = link.tokens, now
    own.speed = speed_at(own, now)
    own.tokens, own.filled_at = minimum.tokens, now
    if passes:
        return 0.0
    soonest = minimum.wait_seconds(now)
    if not before_it_wait:
        soonest = min(soonest, link.wait_seconds(now))
    return min(max(soonest, SHORTEST_WAIT_SECONDS), LONGEST_WAIT_SECONDS)


def speed_at(one: ClassState, now: float) -> float:
    """The mean speed of a class over the last seconds, in bytes in a second."""
    return one.speed * math.exp(-max(0.0, now - one.filled_at) / SPEED_SECONDS)
