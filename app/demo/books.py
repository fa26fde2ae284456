"""At closing time: the partners' books beside what the events said of every booking."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from app.demo.client import Event
from app.demo.desks import Desks

_ACTIVE = frozenset({"pending", "confirmed", "checked_in"})


@dataclass(frozen=True, slots=True)
class Books:
    """References that are held and that are active; money by booking id, where any is left."""

    held: Sequence[str]
    active: Sequence[str]
    kept: dict[str, Decimal]
    paid: dict[str, Decimal]

    @property
    def total_kept(self) -> Decimal:
        return sum(self.kept.values(), Decimal(0))

    @property
    def total_paid(self) -> Decimal:
        return sum(self.paid.values(), Decimal(0))

    def deviations(self) -> Iterator[str]:
        """Where the two sides differ."""
        if self.held != self.active:
            yield f"inventory holds {', '.join(self.held)}, active are {', '.join(self.active)}"
        if self.kept != self.paid:
            yield f"payment keeps {self.total_kept}, the bookings say {self.total_paid}"


async def open_books(desks: Desks, events: Sequence[Event]) -> Books:
    """From the last event of every booking there is, not only of those the story names."""
    last = {event.booking_id: event.payload for event in events}
    paid = {
        id_: _left(booking["amount_paid"], booking["amount_refunded"])
        for id_, booking in last.items()
    }
    return Books(
        held=sorted(one["booking_reference"] for one in await desks.held()),
        active=sorted(
            one["booking_reference"] for one in last.values() if one["status"] in _ACTIVE
        ),
        kept={id_: left for id_, left in (await desks.kept()).items() if left},
        paid={id_: left for id_, left in paid.items() if left},
    )


def _left(paid: str, refunded: str) -> Decimal:
    return Decimal(paid) - Decimal(refunded)
