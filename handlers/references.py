"""References of new bookings: unique for ever, and a collision never fails a booking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from domain.commands import CreateBooking
from domain.reference import proposed_reference
from handlers.item import Item
from handlers.ports import (
    LaneTransaction,
)


async def settle_references(transaction: LaneTransaction, items: Sequence[Item]) -> None:
    """Give every new create a reference that nobody else has; after a collision the next proposal.

    A known one has its own, which need not be the first proposal, or follow from what is asked now.
    """
    attempt = 0
    creates = {
        item.command.booking_id: (item, item.command)
        for item in items
        if isinstance(item.command, CreateBooking)
    }
    while creates:
        taken = await transaction.take_references(
            {booking_id: create.booking_reference for booking_id, (_, create) in creates.items()}
        )
        attempt += 1
        creates = {
            booking_id: (item, _with_reference(create, attempt))
            for booking_id, (item, create) in creates.items()
            if booking_id in taken
        }
        for item, create in creates.values():
            item.command = create


def _with_reference(create: CreateBooking, attempt: int) -> CreateBooking:
    reference = proposed_reference(create.booking_date, create.booking_id, attempt)
    return replace(create, booking_reference=reference)
