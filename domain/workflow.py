"""How a workflow asks: `answer = yield from ask(effect)` keeps the type of the answer."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, TypeVar

from domain.effects import Question
from domain.outcome import Outcome

A = TypeVar("A")
B = TypeVar("B")

Asking = tuple[Question[Any], ...]
Answers = tuple[Any, ...]
Step = Generator[Asking, Answers, A]
"""A part of a workflow that gives an A."""
Workflow = Step[Outcome]
"""Yields the effects it needs next, all of which may run at once; hears the answers in their order.

It does no I/O, so the same function runs in production, in a test and in the resumption of a
command whose worker died: there the stored answers are handed in first.
"""


def ask(effect: Question[A]) -> Step[A]:
    """The answer to one effect."""
    (answer,) = yield (effect,)
    return answer  # type: ignore[no-any-return]  # Question[A] promises it


def together(first: Question[A], second: Question[B]) -> Step[tuple[A, B]]:
    """The answers to two effects that run side by side."""
    one, two = yield (first, second)
    return one, two
