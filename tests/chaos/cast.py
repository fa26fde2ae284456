"""Who books where: guests, staff, few venues that everybody wants, others as many as it takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final
from uuid import UUID

from app.demo.partners import Partners
from tests.service.builders import at
from tests.service.callers import NOBODY, Caller, token

_GUESTS: Final = 40
_EXPIRED: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Venue:
    """A place with the items that clients name there; `units` is what the inventory service has."""

    id: str
    type: str
    items: Sequence[str] = ()
    inventory: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Cast:
    """Everybody of one run; `opens` is the first hour that is booked."""

    guests: Sequence[Caller]
    staff: Caller
    admin: Caller
    strangers: Sequence[Caller]
    hot: Sequence[Venue]
    opens: datetime

    def prepare(self, partners: Partners) -> None:
        """Tell the inventory service what its venues have."""
        for venue in self.hot:
            if venue.inventory is not None:
                partners.inventory.service.configure(f"/_venues/{venue.id}", venue.inventory)


def a_cast(random: Random, now: datetime) -> Cast:
    """The same people and places for the same seed; only the hours are those of the day."""
    tables, rooms = ("t1", "t2", "t3"), ("r1", "r2", "r3")
    hot = (
        Venue(new_id(random), "restaurant"),
        Venue(new_id(random), "cafe"),
        Venue(new_id(random), "restaurant", tables),
        Venue(new_id(random), "cafe", (*tables, "")),
        Venue(new_id(random), "hotel", (), {"items": list(rooms)}),
        Venue(new_id(random), "hotel", rooms, {"items": list(rooms), "max_party_size": 6}),
        Venue(new_id(random), "retail", (), {"units": 1}),
    )
    staff = f"manager-{new_id(random)[:8]}"
    guests = [new_id(random) for _ in range(_GUESTS)]
    expired, forged = new_id(random), new_id(random)
    return Cast(
        guests=[Caller(sub, token(sub, "guest")) for sub in guests],
        staff=Caller(staff, token(staff, "manager", venue_ids=[venue.id for venue in hot])),
        admin=Caller("admin-chaos", token("admin-chaos", "admin")),
        strangers=(
            NOBODY,
            Caller(expired, token(expired, "guest", exp=_EXPIRED)),
            Caller(forged, token(forged, "guest", secret="s" * 40)),
            Caller(forged, token(forged, "guest", type="refresh")),
            Caller(forged, "no token"),
        ),
        hot=hot,
        opens=now.astimezone(UTC).replace(minute=0, second=0) + timedelta(hours=2),
    )


def new_id(random: Random) -> str:
    """A UUID of the run's own randomness."""
    return str(UUID(int=random.getrandbits(128), version=4))


def hour(cast: Cast, number: float) -> str:
    """An instant so many hours after opening."""
    return at(cast.opens + timedelta(hours=number))
