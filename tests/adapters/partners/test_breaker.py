"""The breaker's states, by hand."""

from __future__ import annotations

from adapters.partners.breaker import Breaker


def opened(at: float = 0.0) -> Breaker:
    breaker = Breaker(opens_after=3, reset_seconds=10)
    for _ in range(3):
        breaker = breaker.failed(at)
    return breaker


def test_it_opens_at_the_last_of_its_failures_in_a_row() -> None:
    breaker = Breaker(opens_after=3, reset_seconds=10).failed(0).failed(0)
    assert not breaker.is_open
    assert breaker.failed(0).is_open
    assert not breaker.succeeded().failed(0).failed(0).is_open


def test_open_it_admits_one_call_each_ten_seconds() -> None:
    breaker = opened(at=5)
    assert not breaker.admit(14.9)[1]
    breaker, admitted = breaker.admit(15)
    assert admitted
    assert not breaker.admit(15)[1]
    assert breaker.admit(25)[1]


def test_failures_that_come_late_do_not_put_the_trial_off() -> None:
    assert opened(at=0).failed(9).admit(10)[1]


def test_a_success_closes_it() -> None:
    assert opened().succeeded() == Breaker(opens_after=3, reset_seconds=10)
