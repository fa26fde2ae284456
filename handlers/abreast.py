"""How many calls to partners are under way at once: few where they are answered at once, else all.

A few dozen that follow each other keep to the same connections, and cost a fifth less CPU than 200
at once (35 µs a call, and 45). But where answers take their time, whoever waits for a turn would
wait for others' answers too. So where calls wait and answers are slow, four times as many get under
way, again and again; and for some rounds from then on, all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar

X = TypeVar("X")
Y = TypeVar("Y")

FEW: Final = 32
QUICK_SECONDS: Final = 0.01
"""In the mean of all answers since the last look: some partners may be slow, some now and then."""
LOOK_SECONDS: Final = 0.05
ROUNDS_OF_ALL: Final = 64


class Abreast:
    """Remembers from round to round whether answers are slow."""

    def __init__(self) -> None:
        self._rounds_of_all = 0

    async def each(self, ask: Callable[[X], Awaitable[Y]], items: Sequence[X]) -> list[Y]:
        """The answers in the order of their items; `ask` gives what goes wrong, raising nothing."""
        round_ = _Round(ask, items)
        answers = await round_.answers(len(items) if self._rounds_of_all else FEW)
        if round_.was_slow:
            self._rounds_of_all = ROUNDS_OF_ALL
        elif self._rounds_of_all and len(items) > FEW:
            self._rounds_of_all -= 1
        return answers


class _Round:
    def __init__(self, ask: Callable[[Any], Awaitable[Any]], items: Sequence[Any]) -> None:
        self.was_slow = False
        self._ask = ask
        self._items = items
        self._answers: list[Any] = [None] * len(items)
        self._begun = 0
        self._answered = 0  # since the last look
        self._asking: list[asyncio.Task[None]] = []

    async def answers(self, at_once: int) -> list[Any]:
        self._more(at_once)
        look = asyncio.create_task(self._look()) if at_once < len(self._items) else None
        try:
            for task in self._asking:  # until one of them has ended, more may come; then none
                await task
        except BaseException:
            for task in self._asking:
                task.cancel()
            await asyncio.gather(*self._asking, return_exceptions=True)  # none outlives its round
            raise
        finally:
            if look:
                look.cancel()
        return self._answers

    def _more(self, at_once: int) -> None:
        for _ in range(min(at_once, len(self._items) - self._begun)):
            self._asking.append(asyncio.create_task(self._one_after_another()))

    async def _one_after_another(self) -> None:
        while (place := self._begun) < len(self._items):
            self._begun = place + 1
            self._answers[place] = await self._ask(self._items[place])
            self._answered += 1

    async def _look(self) -> None:
        """As long as calls wait for their turn."""
        await asyncio.sleep(LOOK_SECONDS)
        while self._begun < len(self._items):
            if LOOK_SECONDS * len(self._asking) > QUICK_SECONDS * self._answered:
                self.was_slow = True
                self._more(3 * len(self._asking))
            self._answered = 0
            await asyncio.sleep(LOOK_SECONDS)
