"""Queries: read, decide what may be seen, answer. At least once, no lane; nothing is stored but who
has seen what is somebody else's.

A batch is answered with one statement a kind; availability has rounds of its own
(handlers/availability.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.commands import CheckAvailability
from domain.limits import Limits, class_of
from domain.permissions import reaches
from domain.principal import Principal
from domain.queries import (
    ListGuestBookings,
    ListVenueBookings,
    Query,
)
from domain.refusal import Code, Refusal
from handlers.audit import Auditor, answered
from handlers.availability import AvailabilityChecks, Wanted
from handlers.dead_letter import DeadLetters, Reason
from handlers.ended import UNREADABLE, Ended, Told
from handlers.limits import UsesOfQueries
from handlers.lookups import Answer, Asked, answer_of, look_up
from handlers.ports import (
    AuditLog,
    Authenticator,
    BookingReads,
    Output,
    Record,
    Stage,
)
from handlers.routes import ReplyRoutes
from handlers.watch import UNWATCHED, Unwatched, Watch
from schemas.envelope import RawQuery, parse_query
from schemas.headers import Headers
from schemas.powers import power_of
from schemas.queries import build_query
from schemas.replies import refusal_body, success_body
from schemas.strict_json import Unreadable


@dataclass(frozen=True, slots=True)
class QueryHandlers:
    """Implements the port QueryProcessor."""

    authenticator: Authenticator
    routes: ReplyRoutes
    letters: DeadLetters
    reads: BookingReads
    availability: AvailabilityChecks
    limits: Limits
    uses: UsesOfQueries
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
        # First: who asks too much must not cost a page either.
        excess = await self._excess(records, asked)
        let_in = [over or one for one, over in zip(asked, excess, strict=True)]
        found = await look_up(
            self.reads, [one for one in let_in if isinstance(one, Asked) and not one.forbidden]
        )
        self.watch.at(Stage.PARTNERS)
        wanted = [_wanted(one) for one in let_in]
        checked = iter(await self.availability.answers([each for each in wanted if each]))
        answers = [
            next(checked) if wants else answer_of(one, found)
            for one, wants in zip(let_in, wanted, strict=True)
        ]
        self.watch.at(Stage.RECORD)
        entries = [
            answered(record, one.principal, one.query, raw.type, answer, one.bookings)
            for record, raw, one, answer in zip(records, raws, asked, answers, strict=True)
            if isinstance(one, Asked) and isinstance(raw, RawQuery)
        ]
        await self.auditor.write(self.audit, [entry for entry in entries if entry])
        done = list(zip(records, raws, headers, answers, strict=True))
        self.watch.ends([_told(*each) for each in done])
        return [output for each in done for output in self._outputs(*each)]

    def _asked(
        self, record: Record, raw: RawQuery | Unreadable, headers: Headers
    ) -> Asked | Refusal:
        if isinstance(raw, Unreadable):
            return _unreadable(raw)
        sent = record.sent
        principal = self.authenticator.authenticate(headers.authorization, sent)
        if isinstance(principal, Refusal):
            return principal
        query = build_query(raw)
        if isinstance(query, Refusal):
            return query
        return Asked(query, principal, sent, headers.trace, _forbidden(query, principal))

    async def _excess(
        self, records: Sequence[Record], asked: Sequence[Asked | Refusal]
    ) -> Sequence[Refusal | None]:
        """One statement; none where nobody is limited."""
        counters = [
            self.limits.counter(one.principal, class_of(one.query), one.sent)
            if isinstance(one, Asked) and one.forbidden is None
            else None
            for one in asked
        ]
        return await self.uses.refused(records, counters, self.clock())

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


def _wanted(asked: Asked | Refusal) -> Wanted | None:
    """What is to be asked about the slot of a query for availability that may be answered."""
    if isinstance(asked, Refusal) or asked.forbidden is not None:
        return None
    query = asked.query
    return Wanted(query, asked.sent, asked.trace) if isinstance(query, CheckAvailability) else None


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


def _body(raw: RawQuery | Unreadable, answer: Answer, now: datetime) -> bytes:
    if isinstance(raw, Unreadable):
        return refusal_body("query_id", None, None, now, _unreadable(raw))
    if isinstance(answer, Refusal):
        return refusal_body("query_id", raw.query_id, raw.type, now, answer)
    return success_body("query_id", raw.query_id, raw.type, 200, now, answer)


def _unreadable(raw: Unreadable) -> Refusal:
    return Refusal(Code.UNREADABLE, f"The record cannot be read: {raw.detail}.")
