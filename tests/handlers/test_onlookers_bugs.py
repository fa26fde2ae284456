"""A bug in those who look on changes nothing of what is done: it would fail a whole batch, or keep
its records from coming again.
"""

from __future__ import annotations

from typing import NoReturn

import pytest
from structlog.testing import capture_logs

from tests.handlers.onlookers import Onlookers
from tests.handlers.world import World


def a_bug(*_: object, **__: object) -> NoReturn:
    raise ZeroDivisionError


@pytest.mark.parametrize(
    "where",
    [
        "handlers.traces.Traces.message",
        "handlers.watch.end_unfinished",
        "handlers.figures.BookingFigures.recorded",
        "handlers.figures.MessageFigures.ends",
        "handlers.traces.Traces.batch",
    ],
)
async def test_a_bug_in_looking_on_is_said_and_no_more(
    where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(where, a_bug)
    world = World(onlookers=Onlookers())
    asked = world.create()
    with capture_logs() as lines:
        await world.deliver(abort=True)
        await world.settle()
    assert world.reply_to(asked).status == 201
    assert "a batch could not be told of" in [line["event"] for line in lines]
