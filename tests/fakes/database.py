"""The database in memory: held to the same contract tests as PostgreSQL and SQLite.

One transaction at a time works on a copy, which takes the place of what stands when it commits.
Set `away` and everything raises DatabaseAway, as if the server were gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

from handlers.ports import ANY_OFFSET, AuditRows, DatabaseAway, LaneState, LaneTransaction, Resting
from tests.fakes.due_work import FakeDueWork
from tests.fakes.keys import FakeKeyStore
from tests.fakes.reads import FakeReads
from tests.fakes.retention import FakeRetention
from tests.fakes.sealing import FakeServiceKeys
from tests.fakes.tables import Tables
from tests.fakes.transaction import FakeTransaction
from tests.fakes.use_counts import FakeUseCounts


class FakeDatabase:
    """Implements LaneDatabase itself; what implements the other ports is beside it."""

    def __init__(self) -> None:
        self.service_keys = FakeServiceKeys()
        self.tables = Tables()
        self.keys = FakeKeyStore(lambda: self._reachable().guest_keys, self.service_keys)
        self.away = False
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC)
        self._writing = asyncio.Lock()
        self.due = FakeDueWork(self._reachable)
        self.reads = FakeReads(self._reachable)
        self.counts = FakeUseCounts(self._reachable, self._writing)
        self.retention = FakeRetention(self._reachable, self._writing, self._now)

    @property
    def lanes(self) -> FakeDatabase:
        return self

    @property
    def audit(self) -> FakeAuditLog:
        return FakeAuditLog(self)

    async def close(self) -> None:
        pass

    async def open_lane(self, topic: str, partition: int) -> LaneState:
        async with self._writing:
            lanes = self._reachable().lanes
            found = lanes.get((topic, partition), LaneState(0, None, None))
            found = replace(found, epoch=found.epoch + 1)
            lanes[topic, partition] = replace(found, in_hand_until=ANY_OFFSET)
            return found

    async def rest(self, topic: str, lanes: Mapping[int, Resting]) -> None:
        async with self._writing:
            rows = self._reachable().lanes
            for partition, lane in lanes.items():
                if rows[topic, partition].epoch == lane.epoch:
                    rows[topic, partition] = LaneState(lane.epoch, lane.mark, lane.in_hand_until)
                if rows[topic, partition].in_hand_until is None:
                    tries = self.tables.attempts
                    for at in [a for a in tries if (a.topic, a.partition) == (topic, partition)]:
                        del tries[at]

    def transaction(
        self, topic: str, epochs: Mapping[int, int]
    ) -> AbstractAsyncContextManager[LaneTransaction]:
        return self._transaction(topic, epochs)

    @asynccontextmanager
    async def _transaction(
        self, topic: str, epochs: Mapping[int, int]
    ) -> AsyncIterator[LaneTransaction]:
        async with self._writing:
            tables = self._reachable().copy()
            lost = {
                partition
                for partition, epoch in epochs.items()
                if (lane := tables.lanes.get((topic, partition))) is None or lane.epoch != epoch
            }
            yield FakeTransaction(
                tables,
                topic,
                frozenset(lost),
                self._reachable,
                self.service_keys,
                self.clock,
            )
            self._reachable()
            self.tables = tables

    def _now(self) -> datetime:
        return self.clock()

    def _reachable(self) -> Tables:
        if self.away:
            raise DatabaseAway("the database in memory was told to be away")
        return self.tables


class FakeAuditLog:
    """Implements AuditLog: a transaction without lanes."""

    def __init__(self, database: FakeDatabase) -> None:
        self._database = database

    def transaction(self) -> AbstractAsyncContextManager[AuditRows]:
        return self._database.transaction("", {})
