"""A token bucket: a rate that holds over time, and a burst after idle time."""

from dataclasses import dataclass


@dataclass
class TokenBucket:
    """Tokens that fill at a rate. The owner gives the time, and lets one thread at a time use it.

    A taker needs one token and may take more: what is missing is a debt, and others wait until it
    is paid. So the rate is exact for amounts of any size, also for one larger than the burst."""

    rate: float
    """Tokens for each second; more than 0."""
    burst: float
    """Most tokens that idle time saves."""
    tokens: float = 0.0
    """Tokens at `filled_at`; a debt if negative."""
    filled_at: float = 0.0

    @classmethod
    def full(cls, rate: float, burst: float, now: float) -> "TokenBucket":
        """A bucket after idle time."""
        return cls(rate, burst, burst, now)

    def fill(self, now: float) -> None:
        """Add what the time since the last call gives. Nothing for a clock that went back."""
        passed = max(0.0, now - self.filled_at)
        self.tokens = min(self.burst, self.tokens + self.rate * passed)
        self.filled_at = now

    def wait_seconds(self, now: float) -> float:
        """How long the next taker has to wait; 0 if it may take now."""
        self.fill(now)
        return max(0.0, -self.tokens / self.rate) if self.tokens <= 0 else 0.0

    def may_take(self, now: float) -> bool:
        """Whether there is a token."""
        self.fill(now)
        return self.tokens > 0

    def take(self, amount: float) -> None:
        """Take an amount, after `may_take`, or without waiting for what must not wait."""
        self.tokens -= amount

    def attempt(self, amount: float, now: float) -> float:
        """Take an amount and return 0, or take nothing and return the seconds to wait."""
        if self.may_take(now):
            self.take(amount)
            return 0.0
        # More than 0 also without a debt: an empty bucket has no token yet.
        return max(self.wait_seconds(now), 1.0 / self.rate)
