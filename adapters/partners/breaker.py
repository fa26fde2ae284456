"""A circuit breaker as pure state: time comes in as an argument, a new state comes out."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Breaker:
    """Closed until `opens_after` failures in a row; then one call per `reset_seconds` may try."""

    opens_after: int
    reset_seconds: float
    failures: int = 0
    next_trial_at: float | None = None  # None: closed

    @property
    def is_open(self) -> bool:
        return self.next_trial_at is not None

    def admit(self, now: float) -> tuple[Breaker, bool]:
        """Whether a call may be made; an admitted trial puts the next one off."""
        if self.next_trial_at is None:
            return self, True
        if now < self.next_trial_at:
            return self, False
        return replace(self, next_trial_at=now + self.reset_seconds), True

    def succeeded(self) -> Breaker:
        """Any usable answer closes it, also one to a call from before it opened."""
        if not self.failures:
            return self
        return replace(self, failures=0, next_trial_at=None)

    def failed(self, now: float) -> Breaker:
        """One more failure in a row. An open one keeps the time of its next trial."""
        failures = self.failures + 1
        if self.is_open or failures < self.opens_after:
            return replace(self, failures=failures)
        return replace(self, failures=failures, next_trial_at=now + self.reset_seconds)
