"""Queries: read, decide what may be seen, answer. At least once, no lane, nothing is stored.

A batch is answered with one statement a kind; availability asks the partners through the same
workflow steps as a create does, so that the two cannot disagree.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import structlog

from domain.booking import Booking
from domain.commands import CheckAvailability, Moment
from domain.effects import FindConflicts, TakenSlot
from domain.permissions import Operation, Reach, can_reach, reach, sees_notes
from domain.principal import Business, Guest, Principal
from domain.queries import (
    GetBooking,
    GetBookingByReference,
    GetBookingHistory,
    ListGuestBookings,
    ListVenueBookings,
    Query,
)
from domain.refusal import Code, Refusal
from domain.rules import Rules
from domain.workflows.check_availability import Availability, check_availability
from handlers.dead_letter import dead_letter
from handlers.ports import Authenticator, BookingReads, HistoryRow, Output, Partners, Record
from handlers.routes import ReplyRoute, ReplyRoutes
from schemas.booking import booking_json
from schemas.envelope import parse_query
from schemas.headers import Headers
from schemas.powers import power_of
from schemas.queries import build_query
from schemas.replies import refusal_body, success_body
from schemas.strict_json import Unreadable

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A query that somebody may ask, and where its answer goes."""

    query: Query
    operation: str
    principal: Principal
    sent: datetime
    route: ReplyRoute
    traceparent: str | None


Answer = Mapping[str, Any] | Refusal


@dataclass(frozen=True, slots=True)
class QueryHandlers:
    """Implements the port QueryProcessor."""

    authenticator: Authenticator
    routes: ReplyRoutes
    dead_letter_topic: str
    reads: BookingReads
    partners: Partners
    rules: Rules
    clock: Callable[[], datetime]

    async def answer(self, records: Sequence[Record]) -> Sequence[Output]:
        """The replies in the order of the records; raises DatabaseAway."""
        read = [self._read(record) for record in records]
        asked = [one for one in read if isinstance(one, _Asked)]
        answers = await self._answers(asked)
        outputs: list[Output] = []
        for one in read:
            if isinstance(one, _Asked):
                outputs.append(self._reply(one, answers[one.query]))
            else:
                outputs.extend(one)
        return outputs
