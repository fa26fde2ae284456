"""Rate limits: what is accepted of how much, whoever counts it and in which order."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.limits import (
    NO_LIMITS,
    Counter,
    Limits,
    OperationClass,
    over_limit,
    rate_limited,
    times_of,
)
from domain.principal import Admin, Business, Guest, Principal, System
from domain.refusal import Code
from tests.builders import ADMIN, BUSINESS, GUEST, NOW, SOMEBODY_ELSE

CREATE, CHANGE = OperationClass.CREATE, OperationClass.CHANGE
WINDOW = timedelta(seconds=60)

sent_times = st.lists(st.integers(min_value=0, max_value=600), max_size=60)  # seconds
allowances = st.integers(min_value=1, max_value=8)


class Counting:
    """A table of counters, and batches that are counted in it."""

    def __init__(self, allowed: int) -> None:
        self.limits = Limits(WINDOW, {Guest: {CREATE: allowed}})
        self.table: Tally[UUID] = Tally()

    def accepted(self, batch: Sequence[int]) -> list[int]:
        """Those of the batch's times that are accepted."""
        counters = [self.counter(at) for at in batch]
        self.table.update(times_of(counters))
        over = over_limit(counters, self.table)
        return [at for at, is_over in zip(batch, over, strict=True) if not is_over]

    def counter(self, at: int) -> Counter:
        counter = self.limits.counter(GUEST, CREATE, NOW + timedelta(seconds=at))
        assert counter is not None
        return counter


def batches_of(data: st.DataObject, times: Sequence[int]) -> list[list[int]]:
    """The same times in any order, cut into any batches: whoever comes to count them when."""
    rest, batches = list(data.draw(st.permutations(times))), []
    while rest:
        size = data.draw(st.integers(min_value=1, max_value=len(rest)))
        batches.append(rest[:size])
        rest = rest[size:]
    return batches


@given(sent_times, allowances, st.data())
def test_in_no_span_of_time_more_is_accepted_than_burst_and_rate_allow(
    times: list[int], allowed: int, data: st.DataObject
) -> None:
    counting = Counting(allowed)
    accepted = sorted(t for batch in batches_of(data, times) for t in counting.accepted(batch))
    for first, at in enumerate(accepted):
        for last in range(first, len(accepted)):
            span = accepted[last] - at
            assert last - first + 1 <= 2 * allowed + allowed * span / 60


@given(sent_times, allowances, st.data())
def test_whoever_keeps_to_the_rate_is_never_refused_in_whatever_order_it_is_counted(
    times: list[int], allowed: int, data: st.DataObject
) -> None:
    honest: list[int] = []
    for at in sorted(times):
        if sum(at - 60 < earlier for earlier in honest) < allowed:
            honest.append(at)
    counting = Counting(allowed)
    accepted = [t for batch in batches_of(data, honest) for t in counting.accepted(batch)]
    assert sorted(accepted) == honest


@given(sent_times, allowances, st.data())
def test_of_each_window_as_many_are_accepted_as_are_allowed(
    times: list[int], allowed: int, data: st.DataObject
) -> None:
    counting = Counting(allowed)
    accepted = [t for batch in batches_of(data, times) for t in counting.accepted(batch)]
    sent = Tally(counting.counter(at).ends_at for at in times)
    assert Tally(counting.counter(at).ends_at for at in accepted) == {
        window: min(allowed, count) for window, count in sent.items()
    }


def test_of_one_batch_the_first_are_accepted() -> None:
    counting = Counting(2)
    counters = [counting.counter(at) for at in (0, 61, 0, 0, 0)]
    assert over_limit(counters, times_of(counters)) == [False, False, False, True, True]


@pytest.mark.parametrize(
    ("principal", "counts", "at"),
    [
        (SOMEBODY_ELSE, CREATE, NOW),
        (Business(str(GUEST.id), frozenset()), CREATE, NOW),
        (GUEST, CHANGE, NOW),
        (GUEST, CREATE, NOW + WINDOW),
    ],
)
def test_principal_class_and_window_each_count_by_themselves(
    principal: Principal, counts: OperationClass, at: datetime
) -> None:
    everybody = {CREATE: 1, CHANGE: 1}
    limits = Limits(WINDOW, {Guest: everybody, Business: everybody})
    one, same = (limits.counter(GUEST, CREATE, NOW) for _ in range(2))
    other = limits.counter(principal, counts, at)
    assert one is not None
    assert other is not None
    assert one == same
    assert one.id != other.id
    assert str(GUEST.id) not in str(one.id)


def test_what_has_no_number_is_not_counted() -> None:
    limits = Limits(WINDOW, {Guest: {CREATE: 1}})
    assert limits.counter(GUEST, CHANGE, NOW) is None
    assert limits.counter(BUSINESS, CREATE, NOW) is None
    for principal in (GUEST, BUSINESS, ADMIN, System()):
        assert NO_LIMITS.counter(principal, CREATE, NOW) is None
    everybody: dict[type[Principal], dict[OperationClass, int]] = {
        role: {CREATE: 1} for role in (Guest, Business, Admin)
    }
    assert Limits(WINDOW, everybody).counter(System(), CREATE, NOW) is None


@pytest.mark.parametrize(
    ("now", "seconds"),
    [(0, 60), (0.5, 60), (59.5, 1), (60, 1), (3600, 1)],
)
def test_whoever_is_refused_hears_when_the_next_window_opens(now: float, seconds: int) -> None:
    refusal = rate_limited(Counting(2).counter(0), NOW + timedelta(seconds=now))
    assert refusal.code is Code.RATE_LIMITED
    assert (refusal.code.status, refusal.code.retryable) == (429, True)
    assert refusal.extras == {"retry_after_seconds": seconds}
