"""What has fallen due, from the tables in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from handlers.ports import Abandoned, DueExpiry, DueUndo, Owing
from tests.fakes.tables import Tables


class FakeDueWork:
    """Implements DueWork."""

    def __init__(self, reachable: Callable[[], Tables]) -> None:
        self._reachable = reachable

    async def due_expiries(self, before: datetime, limit: int) -> Sequence[DueExpiry]:
        tables = self._reachable()
        due = sorted(
            (sweep.due_at, booking_id)
            for booking_id, sweep in tables.sweeps.items()
            if sweep.due_at is not None and sweep.due_at < before
        )
        return [
            DueExpiry(
                booking_id,
                tables.bookings[booking_id].venue.id,
                tables.bookings[booking_id].version,
                tables.sweeps[booking_id].attempt,
            )
            for _, booking_id in due[:limit]
        ]

    async def due_undo(self, before: datetime, limit: int) -> Sequence[DueUndo]:
        due = sorted(
            (standing.due_at, undo_id)
            for undo_id, standing in self._reachable().undo.items()
            if not standing.is_done and standing.due_at < before
        )
        owed = [self._reachable().undo[undo_id].undo for _, undo_id in due[:limit]]
        return [DueUndo(each.id, each.booking_id, each.venue_id, each.attempt) for each in owed]

    async def owing(self, most: int) -> Owing:
        due = sorted(
            (standing.due_at, standing.undo.since)
            for standing in self._reachable().undo.values()
            if not standing.is_done
        )[:most]
        return Owing(len(due), min((since for _, since in due if since), default=None))

    async def abandoned(
        self, topic: str, started_before: datetime, limit: int
    ) -> Sequence[Abandoned]:
        tables = self._reachable()
        found = sorted(
            (
                start
                for row_id, start in tables.starts.items()
                if row_id not in tables.outcomes
                and start.coordinates.topic == topic
                and start.decided < started_before
            ),
            key=lambda start: start.decided,
        )
        return [Abandoned(each.row_id, each.coordinates.partition) for each in found[:limit]]
