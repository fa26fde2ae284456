"""The calls of a create, as the command words them."""

from __future__ import annotations

from domain.commands import CreateBooking
from domain.effects import CheckCapacity, CreateIntent, GetQuote, ReserveInventory
from domain.money import Price


def intent(command: CreateBooking, price: Price) -> CreateIntent:
    """Ask for the whole price."""
    return CreateIntent(
        key=command.asked.key("intent"),
        booking_id=command.booking_id,
        booking_reference=command.booking_reference,
        amount=price.total,
        guest_id=command.contact.guest_id,
        payment_method_id=command.payment_method_id,
    )


def check(command: CreateBooking) -> CheckCapacity:
    """Whether inventory has room."""
    return CheckCapacity(
        key=command.asked.key("capacity"),
        venue_id=command.venue.id,
        venue_type=command.venue.type,
        booking_time=command.slot.starts_at,
        booking_date=command.booking_date,
        party_size=command.party_size,
        duration_minutes=command.slot.minutes,
        item=command.item,
    )


def quote(command: CreateBooking) -> GetQuote:
    """What it costs this guest."""
    return GetQuote(
        key=command.asked.key("quote"),
        venue_id=command.venue.id,
        venue_type=command.venue.type,
        booking_time=command.slot.starts_at,
        party_size=command.party_size,
        duration_minutes=command.slot.minutes,
        guest_id=command.contact.guest_id,
    )


def reserve(command: CreateBooking) -> ReserveInventory:
    """Hold it; where the client chose no item, inventory picks one."""
    return ReserveInventory(
        key=command.asked.key("reserve"),
        venue_id=command.venue.id,
        venue_type=command.venue.type,
        booking_time=command.slot.starts_at,
        party_size=command.party_size,
        booking_reference=command.booking_reference,
        booking_id=command.booking_id,
        duration_minutes=command.slot.minutes,
        item=command.item,
    )
