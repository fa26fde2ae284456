"""Commands that were started and whose record will never be delivered again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from domain.commands import EndCommand
from domain.effects import ReserveInventory
from domain.outcome import Ignored
from handlers.begun import Begun, End
from handlers.journal import Journal
from handlers.ports import (
    Coordinates,
    KnownCommand,
    LaneTransaction,
)

_SENT_AGAIN: Final = frozenset({"expire_booking", "settle_undo"})
"""Under the same id, as long as they are due; an outcome would keep them from ever being done."""


async def find_abandoned(
    transaction: LaneTransaction, begun: Sequence[Begun]
) -> dict[UUID, Coordinates]:
    """What the sweeper wants ended, unless it has ended already or will still be delivered.

    A lane goes through its records in order, so a command that lies before this record and is not
    ended now was skipped for ever. Gives those to be ended, with the coordinates of the record that
    does it.
    """
    ended: dict[UUID, Coordinates] = {}
    ending = [(b, b.item.command) for b in begun if isinstance(b.item.command, EndCommand)]
    if not ending:
        return ended
    rows = await transaction.find_commands([command.row_id for _, command in ending])
    for one, command in ending:
        row = rows.get(command.row_id)
        if ignored := _not_abandoned(row, one.item.record.coordinates):
            one.decided = ignored
        elif row is not None:
            one.decided = End(row, await _venue_of(transaction, row))
            ended[command.row_id] = one.item.record.coordinates
    return ended


def _not_abandoned(row: KnownCommand | None, here: Coordinates) -> Ignored | None:
    if row is None or row.outcome is not None:
        return Ignored("it has ended")
    at = row.start.coordinates
    if (at.topic, at.partition) != (here.topic, here.partition) or at.offset > here.offset:
        return Ignored("it will still be delivered")
    if row.start.operation in _SENT_AGAIN:
        return Ignored("the sweeper sends it again, and it goes on then")
    return None


async def _venue_of(transaction: LaneTransaction, row: KnownCommand) -> UUID | None:
    """From the booking, or for one that a create was about to make, from its calls."""
    if row.start.booking_id is None:
        return None
    found = await transaction.find_bookings([row.start.booking_id])
    if booking := found.get(row.start.booking_id):
        return booking.venue.id
    return next(
        (
            call.venue_id
            for call, _ in Journal(row.journal).begun()
            if isinstance(call, ReserveInventory)
        ),
        None,
    )
