"""One part of a rebuild: a share of the partitions, read, folded and written by one process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from adapters.database.database import open_database
from adapters.database.settings import DatabaseSettings
from adapters.kafka.reading import reading
from adapters.kafka.settings import KafkaSettings
from adapters.kafka.topics import TopicNames
from app.settings.words import SealKey
from app.wiring import service_keys
from domain.rules import Rules
from handlers.ports import DataKey, RebuildRows, ServiceKeys, Share, WrappedKey
from handlers.rebuild import Rebuild, Unusable, Version
from schemas.guest_keys import load_key

# A transaction of so many: what it costs beside its rows is a twentieth then.
_AT_ONCE: Final = 1_000

Advance = Callable[[int, int], None]
"""Takes how much is done and how much there is."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What every part is told. The keys in it cross to another process through a pipe alone."""

    kafka: KafkaSettings
    database: DatabaseSettings
    rules: Rules
    seal_keys: Sequence[SealKey] = field(repr=False)
    is_rehearsal: bool  # everything is read and folded, and nothing written
    since: Mapping[int, int] = field(default_factory=dict)  # where events go on, by partition

    @property
    def topics(self) -> TopicNames:
        return TopicNames(self.kafka.topic_prefix)


@dataclass(slots=True)
class Tally:
    """What a part did."""

    events: int = 0
    versions: int = 0
    erased: int = 0
    unusable: list[Unusable] = field(default_factory=list)
    overlapping: list[UUID] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        self.events += other.events
        self.versions += other.versions
        self.erased += other.erased
        self.unusable += other.unusable
        self.overlapping += other.overlapping


class Step(StrEnum):
    """All parts have ended one before any begins the next."""

    KEYS = "keys"
    EVENTS = "events"
    CLAIMS = "claims"


class Part:
    """Does the steps for its share."""

    def __init__(self, plan: Plan, share: Share, rows: RebuildRows, keys: ServiceKeys) -> None:
        self._plan = plan
        self._share = share
        self._rows = rows
        self._keys = keys
        self._in_memory: dict[UUID, WrappedKey] = {}  # in a rehearsal, which has no rows

    async def do(self, step: Step, advance: Advance) -> Tally:
        """What it did; `advance` is told of events."""
        match step:
            case Step.KEYS:
                return await self._read_keys()
            case Step.EVENTS:
                return await self._read_events(advance)
            case Step.CLAIMS:
                overlapping = await self._rows.claim(self._plan.rules, self._share)
                return Tally(overlapping=list(overlapping))

    async def _read_keys(self) -> Tally:
        """The guests' keys that are left, before anything that they seal. One that has a tombstone
        is gone, whatever stands behind that.
        """
        tally, gone = Tally(), set[UUID]()
        topic = self._plan.topics.guest_keys
        async with reading(self._plan.kafka, topic, share=self._share) as read:
            async for _, _, records in read.batches():
                found: dict[UUID, WrappedKey] = {}
                for record in records:
                    try:
                        if record.value is None:
                            gone.add(UUID((record.key or b"").decode()))
                            continue
                        key_id, guest_id, wrapped = load_key(record.value)
                    except ValueError as error:
                        why = f"in {topic}: {error}"
                        tally.unusable.append(Unusable(record.partition, record.offset, why))
                        continue
                    created_at = datetime.fromtimestamp(record.timestamp_ms / 1000, UTC)
                    found[key_id] = WrappedKey(key_id, guest_id, wrapped, created_at)
                await self._keep(found)
        await self._destroy(gone)
        return tally

    async def _keep(self, found: Mapping[UUID, WrappedKey]) -> None:
        if self._plan.is_rehearsal:
            self._in_memory.update(found)
        else:
            await self._rows.write_keys(list(found.values()), ())

    async def _destroy(self, gone: set[UUID]) -> None:
        for each in gone:
            self._in_memory.pop(each, None)
        if not self._plan.is_rehearsal:
            await self._rows.write_keys((), gone)

    async def _read_events(self, advance: Advance) -> Tally:
        """Fold them into versions, and write these."""
        plan, fold = self._plan, Rebuild(self._keys, self._plan.rules)
        topic, share, done = plan.topics.events, self._share, 0
        async with reading(plan.kafka, topic, since=plan.since, share=share) as read:
            complete: list[Version] = []
            reached: dict[int, int] = {}
            async for partition, offset, records in read.batches():
                complete += fold.read(records)
                reached[partition] = offset
                done += len(records)
                if len(complete) >= _AT_ONCE:
                    await self._write(fold, complete, reached)
                    complete.clear()
                    advance(done, read.length)
            await self._write(fold, complete + fold.rest(), reached)
            advance(done, read.length)
        return Tally(fold.events, fold.versions, fold.erased, fold.unusable)

    async def _write(
        self, fold: Rebuild, complete: Sequence[Version], reached: Mapping[int, int]
    ) -> None:
        rebuilt = fold.rebuilt(complete, await self._left(fold.keys_needed(complete)))
        if self._plan.is_rehearsal:
            return
        # A version may go on in the next batch; what is open is read again after a crash.
        first_open = {each: fold.first_open(each, offset) for each, offset in reached.items()}
        await self._rows.write(rebuilt, self._plan.topics.events, first_open)

    async def _left(self, key_ids: set[UUID]) -> Mapping[UUID, DataKey]:
        if not self._plan.is_rehearsal:
            return await self._rows.keys(key_ids)
        return {
            each: self._keys.unwrapped(key.id, key.guest_id, key.wrapped)
            for each in key_ids
            if (key := self._in_memory.get(each)) is not None
        }


@asynccontextmanager
async def part_of(plan: Plan, share: Share) -> AsyncIterator[Part]:
    """With a database of its own."""
    keys = service_keys(plan.seal_keys)
    opened = open_database(plan.database, keys, is_patient=True)
    try:
        yield Part(plan, share, opened.rebuilding, keys)
    finally:
        await opened.close()
