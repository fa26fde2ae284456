"""What queries read, from the tables in memory."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from domain.booking import Booking
from domain.effects import FindConflicts, TakenSlot
from domain.queries import Listing
from handlers.ports import NOTHING_KNOWN, HistoryRow, Page, VenuePage
from tests.fakes.keys import left, read_with
from tests.fakes.tables import Tables


class FakeReads:
    """Implements BookingReads."""

    def __init__(self, reachable: Callable[[], Tables]) -> None:
        self._reachable = reachable

    async def bookings(
        self, ids: Sequence[UUID], known: Mapping[UUID, int] = NOTHING_KNOWN
    ) -> Mapping[UUID, Booking]:
        return {each: held for each in ids if (held := self._reachable().booking(each))}

    async def bookings_by_reference(
        self, references: Sequence[str], known: Mapping[str, int] = NOTHING_KNOWN
    ) -> Mapping[str, Booking]:
        wanted = set(references)
        return {each.reference: each for each in self._all() if each.reference in wanted}

    async def histories(
        self, booking_ids: Sequence[UUID], known: Mapping[UUID, int] = NOTHING_KNOWN
    ) -> Mapping[UUID, Sequence[HistoryRow]]:
        found: dict[UUID, list[HistoryRow]] = {}
        tables = self._reachable()
        for at, row in sorted(tables.history.items()):
            if at[0] in booking_ids:
                gone = at in tables.reasons and not left(tables.guest_keys, [tables.reasons[at]])
                change = replace(row.change, reason=None) if gone else row.change
                found.setdefault(at[0], []).append(replace(row, change=change))
        return found

    async def pages(self, asked: Collection[Page]) -> Mapping[Page, Sequence[Booking]]:
        return {page: _page(page.listing, self._listed(page)) for page in asked}

    def _listed(self, page: Page) -> Sequence[Booking]:
        if isinstance(page, VenuePage):
            return [each for each in self._all() if each.venue.id == page.venue_id]
        return [
            each
            for each in self._all()
            if each.contact.guest_id == page.guest_id
            and (page.venue_ids is None or each.venue.id in page.venue_ids)
        ]

    def _all(self) -> Sequence[Booking]:
        tables = self._reachable()
        return [read_with(tables.guest_keys, each) for each in tables.bookings.values()]

    async def conflicts(
        self, questions: Sequence[FindConflicts]
    ) -> Sequence[tuple[TakenSlot, ...]]:
        return [self._reachable().conflicts(each) for each in questions]


def _page(page: Listing, bookings: Sequence[Booking]) -> Sequence[Booking]:
    def place(starts_at: datetime, booking_id: UUID) -> tuple[float, UUID]:
        return -starts_at.timestamp(), booking_id

    found = sorted(
        (place(each.slot.starts_at, each.id), each)
        for each in bookings
        if page.status in (None, each.status)
        and (page.starts_from is None or each.slot.starts_at >= page.starts_from)
        and (page.starts_before is None or each.slot.starts_at < page.starts_before)
    )
    after = place(*page.after) if page.after else None
    return [each for key, each in found if after is None or key > after][: page.limit + 1]
