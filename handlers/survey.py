"""Where each command belongs, and what it shares with others of its batch.

Everything that changes a booking passes through its venue's home partition. A command found on
another one is forwarded there, signed, with the coordinates of the record that the client sent.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence, Set
from uuid import UUID

from domain.booking import Booking
from domain.commands import (
    CancelBooking,
    ChangeStatus,
    CreateBooking,
    EndCommand,
    EraseGuest,
    ExpireBooking,
    UpdateBooking,
)
from domain.lifecycle import Status
from domain.rules import ConflictScope, Rules
from handlers.item import Item
from handlers.ports import Output, ServiceSigner
from handlers.waves import AtVenue, Needs

_FREEING = (Status.CANCELLED, Status.NO_SHOW, Status.COMPLETED)


def asks_about_bookings(items: Sequence[Item]) -> list[UUID]:
    """The bookings that commands of the batch name."""
    return [
        item.command.booking_id
        for item in items
        if item.command is not None
        and not isinstance(item.command, CreateBooking | EndCommand | EraseGuest)
    ]


def venue_of(item: Item, bookings: Mapping[UUID, Booking]) -> UUID | None:
    """The venue whose lane does the command; None when nobody knows: it is done where it lies."""
    match item.command:
        case CreateBooking(venue=venue):
            return venue.id
        case None | EndCommand() | EraseGuest():
            return None
        case command:
            booking = bookings.get(command.booking_id)
            return booking.venue.id if booking else None


def guest_of(item: Item, bookings: Mapping[UUID, Booking]) -> UUID | None:
    """Whose booking the command is about; None when nobody knows."""
    match item.command:
        case CreateBooking(contact=contact):
            return contact.guest_id
        case EraseGuest(guest_id=guest_id):
            return guest_id
        case None | EndCommand():
            return None
        case command:
            booking = bookings.get(command.booking_id)
            return booking.contact.guest_id if booking else None


def forward(item: Item, venue_id: UUID, home: int, signer: ServiceSigner) -> Output:
    """The same record for the venue's home partition."""
    return Output(
        item.record.topic,
        str(venue_id).encode(),
        item.record.value or b"",
        signer.forward_headers(item.record, item.origin, item.asked.principal, item.asked.run),
        home,
    )


def wishes(
    items: Iterable[Item], bookings: Mapping[UUID, Booking], rules: Rules
) -> list[tuple[Item, Needs]]:
    """What each command must not run beside; see `waves`.

    A booking that an earlier update may have moved may give up any slot.
    """
    moved: set[UUID] = set()
    wanted: list[tuple[Item, Needs]] = []
    for item in items:
        wanted.append((item, _needs(item, bookings, rules, moved)))
        if isinstance(item.command, UpdateBooking):
            moved.add(item.command.booking_id)
    return wanted


def _needs(item: Item, bookings: Mapping[UUID, Booking], rules: Rules, moved: Set[UUID]) -> Needs:
    command = item.command
    shared: set[Hashable] = {item.row_id}
    if item.key_id is not None:
        shared.add(item.key_id)
    if command is None or isinstance(command, EndCommand | EraseGuest):
        return Needs(frozenset(shared), barrier=command is not None)
    shared.add(command.booking_id)
    if isinstance(command, CreateBooking):
        claims = rules.scope(command.venue.type) is ConflictScope.UNIT
        return Needs(
            frozenset(shared), wants=AtVenue(command.venue.id, command.slot) if claims else None
        )
    booking = bookings.get(command.booking_id)
    if booking is None:
        return Needs(frozenset(shared))
    held = AtVenue(booking.venue.id, None if booking.id in moved else booking.slot)
    match command:
        case UpdateBooking():
            return Needs(frozenset(shared), wants=AtVenue(booking.venue.id, None), frees=held)
        case CancelBooking() | ExpireBooking():
            return Needs(frozenset(shared), frees=held)
        case ChangeStatus(to=to) if to in _FREEING:
            return Needs(frozenset(shared), frees=held)
        case _:
            return Needs(frozenset(shared))
