"""The group is set back to the beginning: a worker reads everything again, and changes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import OffsetAndMetadata

from tests.chaos.fleet import Berth, Fleet
from tests.chaos.healing import Progress, heal
from tests.service.house import House

_PARTITIONS: Final = 12
_TOPICS: Final = ("commands", "replies", "replies.tests", "events", "dead-letter")
_OWN_PROGRESS: Final = frozenset({"lanes", "attempts", "alembic_version"})
_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class _Sight:
    """All that a second reading could have changed."""

    records: Mapping[str, int]
    rows: Mapping[str, Counter[str]]
    calls: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Setback:
    """How long the second reading took, and what it changed: nothing, it is hoped."""

    seconds: float
    changes: Sequence[str]


async def set_back(
    house: House, fleet: Fleet, within_seconds: float, progress: Progress
) -> Setback:
    """Stop all workers, set the group to the beginning, let one worker read all of it again."""
    for berth in fleet.berths:
        if berth.worker.lives:
            await fleet.leave(berth)
    await house.has_members(0)
    before = await _sight(house)
    await _to_the_beginning(house)
    reader: Berth = fleet.berths[0]
    reader.start()
    healing = await heal(house, 1, within_seconds, progress)
    after = await _sight(house)
    never = [f"does not come to rest: {left}" for left in healing.left[:_SHOWN]]
    return Setback(healing.seconds, [*never, *_changes(before, after)])


async def _to_the_beginning(house: House) -> None:
    consumer: AIOKafkaConsumer = AIOKafkaConsumer(
        bootstrap_servers=house.bootstrap_servers, group_id=house.group, enable_auto_commit=False
    )
    await consumer.start()
    try:
        topic = f"{house.prefix}.commands"
        sources = [TopicPartition(topic, number) for number in range(_PARTITIONS)]
        consumer.assign(sources)
        await consumer.commit({source: OffsetAndMetadata(0, "") for source in sources})
    finally:
        await consumer.stop()


async def _sight(house: House) -> _Sight:
    await house.feed.all_decided()
    tables = await house.rows(
        "select tablename from pg_tables where schemaname = 'public' order by tablename"
    )
    rows = {}
    for table in (row["tablename"] for row in tables):
        if table not in _OWN_PROGRESS:
            found = await house.rows(f'select t::text as line from "{table}" t')
            rows[table] = Counter(row["line"] for row in found)
    desks = ("inventory", "pricing", "payment")
    return _Sight(
        {topic: len(house.feed.records(f"{house.prefix}.{topic}")) for topic in _TOPICS},
        rows,
        {name: len(getattr(house.partners, name).ledger()) for name in desks},
    )


def _changes(before: _Sight, after: _Sight) -> list[str]:
    changes = [
        f"{after.records[topic] - count} new records in {topic}"
        for topic, count in before.records.items()
        if after.records[topic] != count
    ]
    changes += [
        f"{after.calls[name] - count} new calls to {name}"
        for name, count in before.calls.items()
        if after.calls[name] != count
    ]
    for table, lines in before.rows.items():
        now = after.rows[table]
        changes += [f"gone from {table}: {line}" for line in [*(lines - now)][:_SHOWN]]
        changes += [f"new in {table}: {line}" for line in [*(now - lines)][:_SHOWN]]
    return changes
