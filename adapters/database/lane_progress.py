"""How far each lane is published, what it has in hand, and how often a record was tried alone."""

from __future__ import annotations

from collections.abc import Mapping

from adapters.database.command_rows import coordinates_row
from adapters.database.documents import Documents
from adapters.database.session import Session
from adapters.database.tables import attempts, lanes
from handlers.ports import Coordinates, Mark, Resting


class LaneProgress:
    """Writes it, inside a transaction of the caller's."""

    def __init__(self, documents: Documents) -> None:
        columns = [*lanes.c]
        update = (
            "update lanes set mark_offset = r.mark_offset,"
            " mark_timestamp_ms = r.mark_timestamp_ms, in_hand_until = r.in_hand_until"
            f" from {documents.rows(columns)}"
            " where lanes.topic = r.topic and lanes.partition = r.partition"
        )
        self._begin = documents.statement(update)
        self._rest = documents.statement(f"{update} and lanes.epoch = r.epoch")
        self._forget_all = documents.statement(
            "delete from attempts where exists (select 1 from lanes"
            f" where (lanes.topic, lanes.partition) in (select topic, partition from"
            f"  {documents.rows([lanes.c.topic, lanes.c.partition])})"
            " and lanes.topic = attempts.topic and lanes.partition = attempts.partition"
            " and lanes.in_hand_until is null)"
        )
        self._count = documents.insert(
            attempts,
            conflict=(
                "(topic, partition, log_offset, timestamp_ms)"
                " do update set attempts = attempts.attempts + 1"
            ),
            returning=[attempts.c.attempts],
        )
        self._forget = documents.statement(
            "delete from attempts where exists (select 1 from"
            f" {documents.rows([attempts.c.topic, attempts.c.partition, attempts.c.log_offset])}"
            " where attempts.topic = r.topic and attempts.partition = r.partition"
            " and attempts.log_offset < r.log_offset)"
        )

    async def begin_batch(
        self, session: Session, topic: str, in_hand: Mapping[int, tuple[Mark | None, int]]
    ) -> None:
        await session.run(
            self._begin,
            [_row(topic, partition, None, *now) for partition, now in sorted(in_hand.items())],
        )

    async def rest(self, session: Session, topic: str, resting: Mapping[int, Resting]) -> None:
        """A lane in which nothing is suspected any more has no tries to remember."""
        rows = [
            _row(topic, partition, lane.epoch, lane.mark, lane.in_hand_until)
            for partition, lane in sorted(resting.items())
        ]
        await session.run(self._rest, rows)
        await session.run(self._forget_all, rows)

    async def count_attempt(self, session: Session, at: Coordinates) -> int:
        """The lane has passed all records before this one: their tries are over."""
        await session.run(self._forget, [coordinates_row(at)])
        (row,) = await session.run(self._count, [{**coordinates_row(at), "attempts": 1}])
        tries: int = row.attempts
        return tries


def _row(
    topic: str, partition: int, epoch: int | None, mark: Mark | None, until: int | None
) -> dict[str, object]:
    return {
        "topic": topic,
        "partition": partition,
        "epoch": epoch,
        "mark_offset": mark and mark.offset,
        "mark_timestamp_ms": mark and mark.timestamp_ms,
        "in_hand_until": until,
    }
