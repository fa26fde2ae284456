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
from handlers.intake import Authenticator
from handlers.ports import BookingReads, HistoryRow, Output, Partners, Record
from handlers.routes import ReplyRoute, ReplyRoutes
from schemas.booking import booking_json
from schemas.envelope import parse_query
from schemas.headers import Headers
from schemas.powers import power_of
from schemas.queries import build_query
from schemas.replies import refusal_body, success_body
from schemas.strict_json import Unreadable

_log = structlog.get_logger(__name__)
