"""Few calls at once where answers are quick, all of them where they are slow."""

from __future__ import annotations

import asyncio

import pytest

from handlers import abreast
from handlers.abreast import FEW, Abreast


class Calls:
    """Calls that take `seconds`; knows how many of them were under way at once."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.now = 0
        self.most = 0

    async def ask(self, item: int) -> int:
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.now -= 1
        return -item


async def test_answers_come_in_the_order_of_their_items() -> None:
    assert await Abreast().each(Calls().ask, range(100)) == [-item for item in range(100)]


async def test_nothing_is_asked_where_there_are_no_items() -> None:
    assert await Abreast().each(Calls().ask, ()) == []


async def test_few_at_once_where_answers_are_quick() -> None:
    calls = Calls()
    await Abreast().each(calls.ask, range(400))
    assert calls.most == FEW


async def test_all_get_under_way_where_answers_are_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(abreast, "LOOK_SECONDS", 0.01)
    calls = Calls(seconds=0.3)
    await Abreast().each(calls.ask, range(400))
    assert calls.most == 400


async def test_after_a_slow_round_all_are_asked_at_once_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(abreast, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(abreast, "ROUNDS_OF_ALL", 2)
    asked = Abreast()
    await asked.each(Calls(seconds=0.1).ask, range(100))
    most = []
    for _ in range(3):
        calls = Calls()
        await asked.each(calls.ask, range(100))
        most.append(calls.most)
    assert most == [100, 100, FEW]


async def test_small_rounds_do_not_use_up_that_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(abreast, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(abreast, "ROUNDS_OF_ALL", 1)
    asked, calls = Abreast(), Calls()
    await asked.each(Calls(seconds=0.1).ask, range(100))
    await asked.each(calls.ask, range(FEW))
    await asked.each(calls.ask, range(100))
    assert calls.most == 100


async def test_what_one_raises_all_the_same_ends_all() -> None:
    calls = Calls(seconds=60)

    async def ask(item: int) -> int:
        if item == 0:
            raise ValueError("a bug")
        return await calls.ask(item)

    with pytest.raises(ValueError, match="a bug"):
        await Abreast().each(ask, range(100))
    await asyncio.sleep(0)
    assert calls.now == 0


async def test_who_is_cancelled_cancels_all() -> None:
    calls = Calls(seconds=60)
    asking = asyncio.create_task(Abreast().each(calls.ask, range(100)))
    await asyncio.sleep(0.01)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await asyncio.sleep(0)
    assert calls.now == 0


async def test_who_is_cancelled_goes_on_only_when_no_call_is_under_way() -> None:
    under_way = 0

    async def ask(item: int) -> int:
        nonlocal under_way
        under_way += 1
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.01)  # as a connection that is closed in good order
            under_way -= 1
        return item

    asking = asyncio.create_task(Abreast().each(ask, range(100)))
    await asyncio.sleep(0.01)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert under_way == 0


async def test_a_slow_partner_is_seen_beside_one_that_answers_at_once() -> None:
    """Of a create's two calls one takes 40 ms, the other none: each look sees a quick answer."""
    now = most = 0

    async def ask(item: int) -> int:
        nonlocal now, most
        if item % 2:
            await asyncio.sleep(0.001)
            return item
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.04)
        now -= 1
        return item

    asked = Abreast()
    for _ in range(3):
        await asked.each(ask, range(400))
    assert most > FEW, "never taken for slow: a round takes seven times 40 ms"
