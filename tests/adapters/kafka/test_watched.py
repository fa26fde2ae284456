"""Who looks on hears of what is committed and of what comes again, on real Kafka."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from handlers.ports import DatabaseAway, Held, Record, Stage
from schemas.measures import LANES_FENCED, LANES_OPENED, RETRIES
from tests.adapters.kafka.test_figures import Counted
from tests.adapters.kafka.test_queries import ask
from tests.adapters.kafka.workers import Cluster, Echo, working


@dataclass
class Heard:
    """Implements Onlooker; keeps what it hears, in order."""

    told: list[tuple[str, tuple[int, ...]]] = field(default_factory=list)

    def at(self, stage: Stage) -> None:
        self.told.append((stage.value, ()))

    def published(self, partitions: Collection[int]) -> None:
        self.told.append(("published", tuple(partitions)))

    def comes_again(self, partitions: Collection[int]) -> None:
        self.told.append(("comes again", tuple(partitions)))


@dataclass
class AwayOnce:
    """The database is, for the first batch."""

    failures: int = 1

    async def __call__(self, records: Sequence[Record], lanes: Mapping[int, Held]) -> None:
        if self.failures:
            self.failures -= 1
            raise DatabaseAway("away")


async def test_of_commands_that_failed_it_hears_that_they_come_again(cluster: Cluster) -> None:
    heard, counted = Heard(), Counted()
    echo = Echo(cluster.names.events, before=AwayOnce())
    await cluster.send([b"one"], partition=3)
    async with working(cluster.settings, echo, watches=(heard, None), meter=counted.meter):
        await cluster.events(1)
    assert counted.of(RETRIES) == {"database": 1}
    assert counted.of(LANES_OPENED) == {"": 2}, "it was closed, and opened again"
    assert heard.told == [("comes again", (3,)), ("publish", ()), ("published", (3,))]


async def test_of_queries_too(cluster: Cluster) -> None:
    heard, counted = Heard(), Counted()
    echo = Echo(cluster.names.events, before=AwayOnce())
    await ask(cluster, 1)
    async with working(cluster.settings, echo, watches=(None, heard), meter=counted.meter):
        await cluster.events(1)
    assert counted.of(RETRIES) == {"database": 1}
    assert heard.told == [("comes again", (0,)), ("publish", ()), ("published", (0,))]


async def test_a_lane_that_was_lost_counts_for_nothing(cluster: Cluster) -> None:
    heard, counted = Heard(), Counted()
    echo = Echo(cluster.names.events, lost={5})
    await cluster.send([b"one", b"two"], partition=3)
    await cluster.send([b"lost"], partition=5)
    async with working(cluster.settings, echo, watches=(heard, None), meter=counted.meter):
        await cluster.events(2)
    assert counted.of(LANES_FENCED)["database"] >= 1
    assert counted.of(RETRIES).keys() == {"lane_lost"}
    assert ("comes again", (5,)) in heard.told
    published = {p for what, parts in heard.told if what == "published" for p in parts}
    assert published == {3}
