"""What has had its time, taken out of the tables in memory; there are no partitions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from uuid import UUID

from domain.lifecycle import ACTIVE
from domain.retention import Period
from handlers.ports import RetiredCommand, half_of
from handlers.ports.retention import Day, Gone
from tests.fakes.keys import forget
from tests.fakes.tables import Tables


class FakeRetention:
    """Implements RetentionRows."""

    def __init__(
        self,
        reachable: Callable[[], Tables],
        writing: asyncio.Lock,
        clock: Callable[[], datetime],
    ) -> None:
        self._reachable = reachable
        self._writing = writing
        self._clock = clock

    async def clock(self) -> datetime:
        self._reachable()
        return self._clock()

    async def make_ahead(self, period: Period, ahead: timedelta) -> Mapping[str, datetime]:
        return {}

    async def retire_commands(self, ended_before: datetime, limit: int) -> Gone:
        async with self._writing:
            tables = self._reachable()
            old = sorted(
                (at, row_id) for row_id, at in tables.recorded_at.items() if at < ended_before
            )[:limit]
            for _, row_id in old:
                start = tables.starts.pop(row_id)
                content = half_of(start.content_hash)
                tables.retired[row_id] = RetiredCommand(row_id, content)
                for table in (tables.outcomes, tables.stories, tables.recorded_at):
                    table.pop(row_id)
                for key_id in [k for k, held in tables.keys.items() if held.row_id == row_id]:
                    del tables.keys[key_id]
        return Gone(len(old), is_all=len(old) < limit)

    async def forget_undo(self, done_before: datetime, limit: int) -> Gone:
        async with self._writing:
            undo = self._reachable().undo
            old = [
                id_
                for id_, standing in undo.items()
                if standing.done_at is not None and standing.done_at < done_before
            ][:limit]
            for id_ in old:
                del undo[id_]
        return Gone(len(old), is_all=len(old) < limit)

    async def forget_erased_keys(self, erased_before: datetime, limit: int) -> Gone:
        async with self._writing:
            return Gone(forget(self._reachable().guest_keys, erased_before, limit), is_all=True)

    async def retire_bookings(
        self, ended_before: datetime, after: Day, limit: int
    ) -> tuple[Gone, Day]:
        async with self._writing:
            tables = self._reachable()
            places = sorted(
                (booking.booking_date, id_)
                for id_, booking in tables.bookings.items()
                if (booking.booking_date, id_) > (after.day, after.booking_id)
            )[:limit]
            gone = [id_ for _, id_ in places if _has_ended(tables, id_, ended_before)]
            for id_ in gone:
                del tables.bookings[id_], tables.sweeps[id_]
                for at in [at for at in tables.history if at[0] == id_]:
                    del tables.history[at]
                for undo_id in [u for u, s in tables.undo.items() if s.undo.booking_id == id_]:
                    del tables.undo[undo_id]
        reached = Day(*places[-1]) if places else after
        return Gone(len(gone), is_all=len(places) < limit), reached


def _has_ended(tables: Tables, booking_id: UUID, before: datetime) -> bool:
    booking = tables.bookings[booking_id]
    under_way = (start for id_, start in tables.starts.items() if id_ not in tables.outcomes)
    return (
        booking.status not in ACTIVE
        and max(booking.slot.ends_at, booking.updated_at) < before
        and not any(each.booking_id == booking_id for each in under_way)
        and not any(
            each.undo.booking_id == booking_id and not each.is_done for each in tables.undo.values()
        )
    )
