"""One command's matrix: a calm run tells its boundaries, and each of them gets a cell."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from uuid import uuid4

import pytest

from adapters.kafka.partitioning import home_partition
from adapters.kafka.topics import PARTITIONS
from app.local_servers import KafkaServer, PostgresServer
from tests.service.house import House, a_house
from tests.service.invariants import RULES
from tests.service.matrix.crew import Crew, a_crew
from tests.service.matrix.failing_worker import Orders
from tests.service.matrix.outcome import Outcome, outcome_at
from tests.service.matrix.stories import Story, Subject
from tests.service.story import at_rest, once_each, story_of
from tests.service.waiting import until

# A batch is one record, so that the command's boundaries are no other record's too.
_ONE_BY_ONE = {"BOOKING_KAFKA__MAX_BATCH_RECORDS": "1"}
_NEVER_SECONDS = 3_600.0

_LAST = "publish: committed"
# Whatever the command is, these are among its boundaries.
_ALWAYS = frozenset(
    {
        "lane in Kafka: before",
        "lane in Kafka: former owner fenced",
        "lane in the database: before",
        "lane in the database: opened",
        "publish: before commit",
        _LAST,
    }
)
_IN_A_TRANSACTION = frozenset({"publish: before begin", "publish: begun", "publish: offset sent"})


async def survives_every_kill(
    story: Story,
    kafka: KafkaServer,
    postgres: PostgresServer,
    subtests: pytest.Subtests,
    *,
    exactly_once: bool = True,
) -> None:
    """Run the whole matrix; every cell that fails is told under the name of its boundary."""
    delivery = "exactly_once" if exactly_once else "at_least_once"
    settings = {"BOOKING_KAFKA__DELIVERY": delivery}
    async with (
        a_house(kafka, postgres, workers=0, settings=settings) as house,
        a_crew(house) as crew,
    ):
        matrix = _Matrix(story, house, crew)
        calm, boundaries = await matrix.calm_run()
        assert {name.partition(":")[0] for name in boundaries} >= story.calls
        assert set(boundaries) >= _ALWAYS
        assert set(boundaries) >= _IN_A_TRANSACTION or not exactly_once
        subjects = await matrix.prepared(len(boundaries))
        victims = [matrix.orders(*each) for each in zip(subjects, boundaries, strict=True)]
        await crew.relieve(victims[0])
        died, doubles = [], 0
        for subject, orders, following in zip(subjects, victims, [*victims[1:], None], strict=True):
            with subtests.test(msg=orders.dies_at):
                await story.begin(house, subject)
                assert await crew.killed_itself(), "the worker passed by"
                died.append(_trace(orders)[-1])
                await crew.relieve(following or matrix.orders())
                await story.ended(house, subject)
                if not exactly_once:  # a reply is there before its command is over
                    await at_rest(house)
                found = await outcome_at(house, subject.venue, subject.sent)
                doubles += found.doubles
                assert found == calm, found.differences_from(calm)
        assert died == boundaries, "every boundary has a cell, and its worker died just there"
        assert exactly_once == (doubles == 0), f"{doubles} replies and events came again"
        story_told = once_each(await story_of(house))
        for rule in RULES:
            rule(story_told)


@dataclass(slots=True)
class _Matrix:
    story: Story
    house: House
    crew: Crew
    _homes: cycle[int] = field(default_factory=lambda: cycle(range(PARTITIONS)))
    _log: Path = field(init=False)

    def __post_init__(self) -> None:
        self._log = self.house.new_worker().log  # one file for the whole crew

    async def calm_run(self) -> tuple[Outcome, Sequence[str]]:
        """The outcome without any kill, and the boundaries on the way to it."""
        (subject,) = await self.prepared(1)
        orders = self.orders(subject)
        await self.crew.relieve(orders)
        await self.story.begin(self.house, subject)
        await self.story.ended(self.house, subject)

        async def is_over() -> bool:
            trace = _trace(orders)
            return sum(line.startswith(_LAST) for line in trace) == self.story.batches

        await until(is_over)
        return await outcome_at(self.house, subject.venue, subject.sent), _trace(orders)

    async def prepared(self, count: int) -> Sequence[Subject]:
        """So many subjects, made by a worker that nobody watches and that sweeps nothing.

        Each at another partition than the one before, so that a worker has not opened the lane yet
        in which it is to die.
        """
        await self.crew.relieve(self.orders(settings={}, sweep_every_seconds=_NEVER_SECONDS))
        subjects = [Subject(a_venue_at(next(self._homes))) for _ in range(count)]
        await asyncio.gather(*(self.story.prepare(self.house, each) for each in subjects))
        return subjects

    def orders(
        self,
        subject: Subject | None = None,
        dies_at: str | None = None,
        *,
        settings: Mapping[str, str] = _ONE_BY_ONE,
        sweep_every_seconds: float = 0.05,
    ) -> Orders:
        """For a worker that watches this subject's command, or nobody's."""
        return Orders(
            settings={**self.house.settings, **settings},
            log=self._log,
            trace=self._log.with_name(f"trace-{uuid4()}"),
            needle=self.story.needle(subject) if subject else str(uuid4()),
            dies_at=dies_at,
            sweep_every_seconds=sweep_every_seconds,
        )


def _trace(orders: Orders) -> list[str]:
    return orders.trace.read_text().splitlines() if orders.trace.exists() else []


def a_venue_at(partition: int) -> str:
    """A venue whose commands are at home there."""
    while True:
        venue = str(uuid4())
        if home_partition(venue.encode(), PARTITIONS) == partition:
            return venue
