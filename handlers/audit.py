"""What is written into the audit log, and writing it: before anybody hears of what it tells.

A command's entry is written with its outcome. A query's is written before its answer is published,
so after a crash there may be two of one answer, and never none.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar
from uuid import UUID

from domain.booking import Booking
from domain.commands import EraseGuest
from domain.outcome import Erased, Ignored, Settled, StillOwed
from domain.principal import Admin, Business, Guest, Principal
from domain.queries import GetBookingHistory, ListGuestBookings, ListVenueBookings, Query
from domain.refusal import Code, Refusal
from handlers.audit_chain import ChainKeys, linked
from handlers.begun import Again, End, Follows
from handlers.item import Item
from handlers.ports import (
    AuditEntry,
    AuditLog,
    AuditRows,
    BookingWrite,
    ChainMoved,
    DatabaseAway,
    Effect,
    Kind,
    KnownCommand,
    Record,
    Recording,
    Start,
)
from handlers.redrive import named_in
from schemas.stored import load_principal

if TYPE_CHECKING:
    from handlers.closings import Closing

T = TypeVar("T")

_TRIES: Final = 20
_REFUSED: Final = 400  # an outcome's status from here on


@dataclass(frozen=True, slots=True)
class Auditor:
    """Links entries into their chains."""

    keys: ChainKeys

    async def append(self, rows: AuditRows, entries: Sequence[AuditEntry]) -> None:
        """In the caller's transaction. Raises ChainMoved."""
        if entries:
            at, heads = await rows.audit_heads({entry.chain for entry in entries})
            await rows.append_audit(linked(entries, at, heads, self.keys))

    async def write(self, log: AuditLog, entries: Sequence[AuditEntry]) -> None:
        """In a transaction of their own. Raises DatabaseAway."""

        async def once() -> None:
            async with log.transaction() as rows:
                await self.append(rows, entries)

        if entries:
            await until_linked(once)


async def until_linked(once: Callable[[], Awaitable[T]]) -> T:
    """Try again what somebody else got in the way of, by adding to the same chain at once.

    Raises DatabaseAway.
    """
    for _ in range(_TRIES):
        with suppress(ChainMoved):
            return await once()
    raise DatabaseAway("the audit log is written by others all the time")


def chain_of(record: Record) -> str:
    """A chain for each input partition: its lane, or whoever answers its queries, writes it."""
    return f"{record.topic}/{record.partition}"


def who(principal: Principal) -> tuple[str, str]:
    """Role and subject."""
    return _who(principal.label)


def _who(label: str) -> tuple[str, str]:
    role, _, subject = label.partition(":")
    return role, subject or role


# --- commands ---


def decided(closings: Sequence[Closing], recordings: Sequence[Recording]) -> list[AuditEntry]:
    """One for each command that is recorded, those that another one's record ends among them."""
    found: dict[UUID, tuple[Start, Closing]] = {}
    for closing in closings:
        found[closing.begun.item.row_id] = closing.begun.start, closing
        if isinstance(closing.ended, End):
            abandoned = closing.ended.abandoned.start
            found[abandoned.row_id] = abandoned, closing
    return [_decided(*found[recording.row_id], recording) for recording in recordings]


def _decided(start: Start, closing: Closing, recording: Recording) -> AuditEntry:
    item, write = closing.begun.item, recording.write
    is_own = start.row_id == item.row_id
    role, subject = _who(item.asked.label if is_own else load_principal(start.principal).label)
    booking = write.booking if write else None
    return AuditEntry(
        chain=chain_of(item.record),
        kind=Kind.COMMAND,
        role=role,
        subject=subject,
        operation=start.operation,
        code=recording.outcome.code,
        effect=_effect(closing, recording) if is_own else None,
        message_id=start.command_id,
        at=start.origin,
        booking_id=start.booking_id or (named_in(item.raw, "booking_id") if is_own else None),
        booking_reference=booking.reference if booking else start.booking_reference,
        guest_id=booking.contact.guest_id if booking else _guest_id(closing, is_own),
        venue_id=booking.venue.id if booking else _venue_id(closing, is_own),
        version=booking.version if booking else None,
    )


def _guest_id(closing: Closing, is_own: bool) -> UUID | None:
    """Who was to be erased, whatever came of it."""
    command = closing.begun.item.command
    return command.guest_id if is_own and isinstance(command, EraseGuest) else None


def _venue_id(closing: Closing, is_own: bool) -> UUID | None:
    if not is_own:
        return closing.ended.venue_id if isinstance(closing.ended, End) else None
    item = closing.begun.item
    return item.venue_id or named_in(item.raw, "venue_id")


def _effect(closing: Closing, recording: Recording) -> str | None:
    if recording.write is not None:
        return _change(recording.write)
    if recording.outcome.status >= _REFUSED:
        return None
    match closing.ended:
        case Again() | Follows():
            return Effect.ANSWERED_AGAIN
        case End():
            return Effect.ENDED_COMMAND
        case Settled():
            return Effect.SETTLED
        case Erased():
            return Effect.ERASED
        case StillOwed():
            return Effect.STILL_OWED
        case Ignored():
            return Effect.NOTHING_TO_DO
        case _:  # a sweep that failed
            return Effect.WILL_BE_SENT_AGAIN


def _change(write: BookingWrite) -> str:
    if write.booking.version == 1:
        return Effect.CREATED
    return write.history.to_status.value if write.history else Effect.UPDATED


def shown_again(item: Item, known: KnownCommand) -> AuditEntry | None:
    """A command's id that gives its stored outcome again, to who is shown a guest's data by it."""
    is_shown = known.outcome is not None and known.outcome.status < _REFUSED
    if not is_shown or not isinstance(item.asked.principal, Business | Admin):
        return None
    return _repeat(item, known.start.booking_id, effect=Effect.SHOWN_AGAIN)


def refused_unstored(item: Item, refusal: Refusal) -> AuditEntry:
    """A command whose id stands for other content: its refusal has no row of its own."""
    return _repeat(item, named_in(item.raw, "booking_id"), code=refusal.code.word)


def _repeat(
    item: Item, booking_id: UUID | None, *, code: str | None = None, effect: Effect | None = None
) -> AuditEntry:
    role, subject = _who(item.asked.label)
    return AuditEntry(
        chain=chain_of(item.record),
        kind=Kind.REPEAT,
        role=role,
        subject=subject,
        operation=item.raw.type,
        code=code,
        effect=effect,
        message_id=item.asked.command_id,
        at=item.origin,
        booking_id=booking_id,
        venue_id=item.venue_id or named_in(item.raw, "venue_id"),
    )


# --- queries ---


def answered(
    record: Record,
    principal: Principal,
    query: Query,
    operation: str,
    answer: object,
    bookings: Sequence[Booking],
) -> AuditEntry | None:
    """Of an answer that shows bookings of others, or keeps them from who may not see them.

    `bookings` are those that the answer shows, or that it says nothing of because of who asks.
    """
    code = _denied(answer, bookings) if isinstance(answer, Refusal) else None
    is_shown = bookings and not isinstance(answer, Refusal) and not isinstance(principal, Guest)
    if code is None and not is_shown:
        return None
    role, subject = who(principal)
    is_list = isinstance(query, ListGuestBookings | ListVenueBookings)
    one = bookings[0] if bookings and not is_list else None
    return AuditEntry(
        chain=chain_of(record),
        kind=Kind.QUERY,
        role=role,
        subject=subject,
        operation=operation,
        code=code,
        effect=None if code else _view(query),
        message_id=query.query_id,
        at=record.coordinates,
        booking_id=one.id if one else None,
        booking_reference=one.reference if one else None,
        guest_id=one.contact.guest_id if one else getattr(query, "guest_id", None),
        venue_id=one.venue.id if one else getattr(query, "venue_id", None),
        shown=tuple(booking.id for booking in bookings) if is_list else (),
    )


def _denied(refusal: Refusal, bookings: Sequence[Booking]) -> str | None:
    """The code, when it is refused because of who asks; a booking that does not exist is not."""
    is_others = refusal.code is Code.BOOKING_NOT_FOUND and bookings
    return refusal.code.word if is_others or refusal.code is Code.FORBIDDEN else None


def _view(query: Query) -> Effect:
    match query:
        case ListGuestBookings() | ListVenueBookings():
            return Effect.GUEST_DATA_LIST
        case GetBookingHistory():
            return Effect.HISTORY
        case _:
            return Effect.GUEST_DATA
