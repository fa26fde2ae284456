"""The fence of a lane: an epoch that opening raises, and that every transaction looks at first."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Dialect

from adapters.database.documents import Documents
from adapters.database.engines import IDLE_IN_TRANSACTION_SECONDS
from adapters.database.session import Session
from adapters.database.tables import lanes
from handlers.ports import ANY_OFFSET, LaneState, Mark


class Fence:
    """Reads and raises epochs, inside a transaction of the caller's."""

    def __init__(self, documents: Documents, dialect: Dialect) -> None:
        # In partition order, so that two workers never wait for each other in a ring; a share lock
        # would be raised by `begin_batch`, in whatever order, while a fenced worker shares it. On
        # SQLite the transaction itself keeps every other writer out.
        lock = " for no key update of lanes" if dialect.name == "postgresql" else ""
        self._read = documents.select(
            "select lanes.partition, lanes.epoch from lanes"
            " where (lanes.topic, lanes.partition) in"
            f"  (select topic, partition from {documents.rows([lanes.c.topic, lanes.c.partition])})"
            f" order by lanes.partition{lock}",
            lanes.c.partition,
            lanes.c.epoch,
        )
        # To the server nobody is idle who has prepared a statement and not run it yet: its own
        # timeout overlooks whoever froze just there (decision 32).
        self._get_past = (
            documents.statement(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where datname = current_database() and usename = current_user"
                " and application_name = current_setting('application_name')"
                " and state = 'active' and wait_event = 'ClientRead'"
                f" and state_change < now() - interval '{IDLE_IN_TRANSACTION_SECONDS} seconds'"
            )
            if dialect.name == "postgresql"
            else None
        )
        self._find = documents.find(lanes, lanes.c.topic, lanes.c.partition)
        self._raise = documents.insert(
            lanes,
            conflict="(topic, partition) do update set epoch = lanes.epoch + 1",
            returning=[lanes.c.epoch],
        )
        self._doubt = documents.statement(
            f"update lanes set in_hand_until = {ANY_OFFSET} where (topic, partition) in"
            f" (select topic, partition from {documents.rows([lanes.c.topic, lanes.c.partition])})"
        )

    async def lost(self, session: Session, topic: str, epochs: Mapping[int, int]) -> frozenset[int]:
        """Partitions with another epoch than this; the others cannot be raised before we end."""
        rows = await session.run(
            self._read, [{"topic": topic, "partition": partition} for partition in epochs]
        )
        current = {row.partition: row.epoch for row in rows}
        return frozenset(
            partition for partition, epoch in epochs.items() if current.get(partition) != epoch
        )

    async def open_lane(self, session: Session, topic: str, partition: int) -> LaneState:
        """Raise the epoch; waits for transactions that read the one before, so that what is found
        then is the last that they wrote.
        """
        if self._get_past is not None:
            await session.run(self._get_past)
        lane = {"topic": topic, "partition": partition}
        (raised,) = await session.run(self._raise, [{**lane, "epoch": 1}])
        (row,) = await session.run(self._find, [lane])
        await session.run(self._doubt, [lane])
        has_mark = row.mark_offset is not None
        return LaneState(
            epoch=raised.epoch,
            mark=Mark(row.mark_offset, row.mark_timestamp_ms) if has_mark else None,
            in_hand_until=row.in_hand_until,
        )
