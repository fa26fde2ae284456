"""The fence of a lane: an epoch that opening raises, and that every transaction looks at first."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Dialect

from adapters.database.documents import Documents
from adapters.database.session import Session
from adapters.database.tables import lanes


class Fence:
    """Reads and raises epochs, inside a transaction of the caller's."""

    def __init__(self, documents: Documents, dialect: Dialect) -> None:
        # In partition order, so that two workers never wait for each other. On SQLite the
        # transaction itself keeps every other writer out.
        lock = " for share of lanes" if dialect.name == "postgresql" else ""
        self._read = documents.select(
            "select lanes.partition, lanes.epoch from lanes"
            " where (lanes.topic, lanes.partition) in"
            f"  (select topic, partition from {documents.rows([lanes.c.topic, lanes.c.partition])})"
            f" order by lanes.partition{lock}",
            lanes.c.partition,
            lanes.c.epoch,
        )
        self._raise = documents.insert(
            lanes,
            conflict="(topic, partition) do update set epoch = lanes.epoch + 1",
            returning=[lanes.c.epoch],
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

    async def raise_epoch(self, session: Session, topic: str, partition: int) -> int:
        """The next epoch; waits for transactions that read the one before."""
        (row,) = await session.run(
            self._raise, [{"topic": topic, "partition": partition, "epoch": 1}]
        )
        epoch: int = row.epoch
        return epoch
