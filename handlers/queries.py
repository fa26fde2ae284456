"""Queries: read, decide what may be seen, answer. At least once, no lane; nothing is stored but who
has seen what is somebody else's.

A batch is answered with one statement a kind; availability goes by the domain's own judgement, the
same as a create's, so that the two cannot disagree.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import structlog

from domain.booking import Booking
from domain.commands import CheckAvailability, Moment
from domain.effects import FindConflicts, SlotQuestion
from domain.limits import Limits, class_of
from domain.permissions import Operation, can_reach, reaches, sees_notes, venues_shown
from domain.principal import Principal
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
from domain.workflows.check_availability import check_availability
from handlers.audit import Auditor, answered
from handlers.dead_letter import DeadLetters, Reason
from handlers.ended import UNREADABLE, Ended, Told
from handlers.limits import refuse_excess
from handlers.partner_answers import Answered, PartnerAnswers
from handlers.ports import (
    AuditLog,
    Authenticator,
    BookingReads,
    DatabaseAway,
    GuestPage,
    Output,
    Page,
    Record,
    Stage,
    UseCounts,
    VenuePage,
)
from handlers.routes import ReplyRoutes
from handlers.watch import UNWATCHED, Unwatched, Watch
from schemas.booking import booking_json
from schemas.envelope import RawQuery, parse_query
from schemas.headers import Headers
from schemas.powers import power_of
from schemas.queries import build_query
from schemas.query_answers import availability_json, page_json, status_change_json
from schemas.replies import refusal_body, success_body
from schemas.strict_json import Unreadable

_log = structlog.get_logger(__name__)
_NOT_FOUND = Refusal(Code.BOOKING_NOT_FOUND, "There is no such booking.")
_FAILED = Refusal(Code.INTERNAL_ERROR, "The service failed on this query.")

Answer = Mapping[str, Any] | Refusal
K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A valid query, and whether this role may ask it."""

    query: Query
    principal: Principal
    sent: datetime
    trace: Mapping[str, str]
    forbidden: Refusal | None
    bookings: list[Booking] = field(default_factory=list)  # shown, or kept from who may not see


@dataclass(frozen=True, slots=True)
class _Found:
    """What the batch's statements brought for its look-ups."""

    bookings: Mapping[UUID, Booking]
    by_reference: Mapping[str, Booking]
    pages: Mapping[Page, Sequence[Booking]]


@dataclass(frozen=True, slots=True)
class QueryHandlers:
    """Implements the port QueryProcessor."""

    authenticator: Authenticator
    routes: ReplyRoutes
    letters: DeadLetters
    reads: BookingReads
    partners: PartnerAnswers
    rules: Rules
    limits: Limits
    counts: UseCounts
    auditor: Auditor
    audit: AuditLog
    clock: Callable[[], datetime]
    watch: Watch | Unwatched = UNWATCHED

    async def answer(self, records: Sequence[Record]) -> Sequence[Output]:
        """The outputs in the order of the records. Raises DatabaseAway, KeysAway."""
        self.watch.begins(records)
        await self.authenticator.prepare(records)
        raws = [parse_query(record.value) for record in records]
        headers = [self.watch.continued(each, Headers.of(each.headers)) for each in records]
        asked = [self._asked(*each) for each in zip(records, raws, headers, strict=True)]
        self.watch.at(Stage.QUESTIONS)
        excess, found = await asyncio.gather(
            self._excess(asked),
            self._look_up([one for one in asked if isinstance(one, _Asked) and not one.forbidden]),
        )
        self.watch.at(Stage.PARTNERS)
        answers = await asyncio.gather(
            *(self._answer(over or one, found) for one, over in zip(asked, excess, strict=True))
        )
        self.watch.at(Stage.RECORD)
        entries = [
            answered(record, one.principal, one.query, raw.type, answer, one.bookings)
            for record, raw, one, answer in zip(records, raws, asked, answers, strict=True)
            if isinstance(one, _Asked) and isinstance(raw, RawQuery)
        ]
        await self.auditor.write(self.audit, [entry for entry in entries if entry])
        done = list(zip(records, raws, headers, answers, strict=True))
        self.watch.ends([_told(*each) for each in done])
        return [output for each in done for output in self._outputs(*each)]

    def _asked(
        self, record: Record, raw: RawQuery | Unreadable, headers: Headers
    ) -> _Asked | Refusal:
        if isinstance(raw, Unreadable):
            return _unreadable(raw)
        sent = record.sent
        principal = self.authenticator.authenticate(headers.authorization, sent)
        if isinstance(principal, Refusal):
            return principal
        query = build_query(raw)
        if isinstance(query, Refusal):
            return query
        return _Asked(query, principal, sent, headers.trace, _forbidden(query, principal))

    async def _excess(self, asked: Sequence[_Asked | Refusal]) -> Sequence[Refusal | None]:
        """One statement, beside the look-ups; none where nobody is limited."""
        counters = [
            self.limits.counter(one.principal, class_of(one.query), one.sent)
            if isinstance(one, _Asked) and one.forbidden is None
            else None
            for one in asked
        ]
        return await refuse_excess(self.counts, counters, self.clock())

    async def _look_up(self, asked: Sequence[_Asked]) -> _Found:
        queries = [one.query for one in asked]
        ids = _newest(
            (q.booking_id, q.known_version)
            for q in queries
            if isinstance(q, GetBooking | GetBookingHistory)
        )
        references = _newest(
            (q.booking_reference, q.known_version)
            for q in queries
            if isinstance(q, GetBookingByReference)
        )
        pages = {page for one in asked if (page := _page_of(one)) is not None}
        return _Found(
            await self.reads.bookings(list(ids), ids) if ids else {},
            await self.reads.bookings_by_reference(list(references), references)
            if references
            else {},
            await self.reads.pages(pages) if pages else {},
        )

    async def _answer(self, asked: _Asked | Refusal, found: _Found) -> Answer:
        if isinstance(asked, Refusal):
            return asked
        if asked.forbidden is not None:
            return asked.forbidden
        try:
            return await self._answer_valid(asked, found)
        except DatabaseAway:
            raise
        except Exception:  # noqa: BLE001 - a bug in one query must not take its neighbours with it
            _log.exception("query failed", query_id=str(asked.query.query_id))
            return _FAILED

    async def _answer_valid(self, asked: _Asked, found: _Found) -> Answer:
        match asked.query:
            case GetBooking(booking_id=booking_id):
                return _shown(asked, found.bookings.get(booking_id))
            case GetBookingByReference(booking_reference=reference):
                return _shown(asked, found.by_reference.get(reference))
            case GetBookingHistory() as query:
                return await self._history(query, asked, found.bookings.get(query.booking_id))
            case ListGuestBookings() | ListVenueBookings() as query:
                return _listed(query.listing.limit, asked, found)
            case CheckAvailability() as query:
                return await self._availability(query, asked)

    async def _history(
        self, query: GetBookingHistory, asked: _Asked, booking: Booking | None
    ) -> Answer:
        if booking is None or not _may_see(asked, Operation.HISTORY, booking):
            return _NOT_FOUND
        known = {booking.id: query.known_version}
        rows = (await self.reads.histories([booking.id], known)).get(booking.id, ())
        return {
            "items": [status_change_json(row.change, row.version, row.created_at) for row in rows]
        }

    async def _availability(self, query: CheckAvailability, asked: _Asked) -> Answer:
        now = self.clock()
        step = check_availability(query, Moment(asked.sent, now), self.rules)
        oldest = now
        try:
            asking = next(step)
            while True:
                answers = await asyncio.gather(
                    *(self._effect(effect, asked.trace) for effect in asking)
                )
                oldest = min(oldest, *(each.at for each in answers))
                asking = step.send(tuple(each.answer for each in answers))
        except StopIteration as end:
            if isinstance(end.value, Refusal):
                return end.value
            return availability_json(replace(end.value, checked_at=oldest))

    async def _effect(self, effect: Any, trace: Mapping[str, str]) -> Answered:
        if isinstance(effect, FindConflicts):
            at = self.clock()
            (taken,) = await self.reads.conflicts([effect])
            return Answered(taken, at)
        question: SlotQuestion = effect
        return await self.partners.ask(question, trace)

    def _outputs(
        self, record: Record, raw: RawQuery | Unreadable, headers: Headers, answer: Answer
    ) -> Sequence[Output]:
        now = self.clock()
        message_id = None if isinstance(raw, Unreadable) else str(raw.query_id)
        route = self.routes.route(headers, message_id)
        outputs = [route.reply(_body(raw, answer, now))] if route else []
        if isinstance(raw, Unreadable):
            at = record.coordinates
            outputs.append(self.letters.letter(record, at, Reason.UNREADABLE, raw.detail, now))
        return outputs


def _newest(asked: Iterable[tuple[K, int]]) -> dict[K, int]:
    """What is asked for, once each, with the highest version that somebody knows of it."""
    found: dict[K, int] = {}
    for key, version in asked:
        found[key] = max(version, found.get(key, 0))
    return found


def _told(record: Record, raw: RawQuery | Unreadable, headers: Headers, answer: Answer) -> Told:
    """For those who look on."""
    refusal = _unreadable(raw) if isinstance(raw, Unreadable) else answer
    return Told(
        record,
        UNREADABLE if isinstance(raw, Unreadable) else raw.type,
        Ended.refused(refusal) if isinstance(refusal, Refusal) else Ended(200),
        record.sent,
        None if isinstance(raw, Unreadable) else raw.query_id,
        correlation_id=headers.correlation_id,
        traceparent=headers.traceparent,
    )


def _forbidden(query: Query, principal: Principal) -> Refusal | None:
    """A list of somebody else's guest or venue; single bookings are "not found" instead."""
    guest_id = query.guest_id if isinstance(query, ListGuestBookings) else None
    venue_id = query.venue_id if isinstance(query, ListVenueBookings) else None
    if reaches(principal, power_of(query), guest_id=guest_id, venue_id=venue_id):
        return None
    return Refusal(Code.FORBIDDEN, "This list is not yours to see.")


def _page_of(asked: _Asked) -> Page | None:
    """What a list's query asks for; a business sees a guest's bookings at its own venues."""
    match asked.query:
        case ListGuestBookings(guest_id=guest_id, listing=listing):
            seen = venues_shown(asked.principal, Operation.LIST_GUEST)
            return GuestPage(guest_id, listing, seen)
        case ListVenueBookings(venue_id=venue_id, listing=listing):
            return VenuePage(venue_id, listing)
        case _:
            return None


def _listed(limit: int, asked: _Asked, found: _Found) -> Answer:
    page = _page_of(asked)
    bookings = found.pages[page] if page else ()
    asked.bookings.extend(bookings[:limit])
    return page_json(bookings, limit, with_notes=sees_notes(asked.principal))


def _may_see(asked: _Asked, operation: Operation, booking: Booking) -> bool:
    asked.bookings.append(booking)
    return can_reach(asked.principal, operation, booking)


def _shown(asked: _Asked, booking: Booking | None) -> Answer:
    if booking is None or not _may_see(asked, Operation.GET, booking):
        return _NOT_FOUND
    return booking_json(booking, with_notes=sees_notes(asked.principal))


def _body(raw: RawQuery | Unreadable, answer: Answer, now: datetime) -> bytes:
    if isinstance(raw, Unreadable):
        return refusal_body("query_id", None, None, now, _unreadable(raw))
    if isinstance(answer, Refusal):
        return refusal_body("query_id", raw.query_id, raw.type, now, answer)
    return success_body("query_id", raw.query_id, raw.type, 200, now, answer)


def _unreadable(raw: Unreadable) -> Refusal:
    return Refusal(Code.UNREADABLE, f"The record cannot be read: {raw.detail}.")
