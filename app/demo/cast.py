"""Who takes part in the day, and where; new ids each time, so that two days never meet."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal
from uuid import uuid4

from app.demo.script import Person, Venue

FITTING_IS_HELD_SECONDS = 2.0
"""How long the stand-in inventory keeps a fitting that nobody pays for."""


def _guest(name: str) -> Person:
    return Person(name, "guest", str(uuid4()))


def _staff(name: str, *venues: Venue) -> Person:
    return Person(name, "staff", f"{name.lower()}@venues", tuple(venue.id for venue in venues))


def _venue(
    type_: Literal["hotel", "restaurant", "cafe", "retail"], name: str, *items: str
) -> Venue:
    return Venue(uuid4(), type_, name, {"items": list(items)})


@dataclass(frozen=True, slots=True)
class Venues:
    """Where: the inventory service knows rooms and tables by name."""

    sole: Venue = field(
        default_factory=lambda: _venue(
            "restaurant", "Trattoria Sole", *(f"table-{n}" for n in range(1, 8))
        )
    )
    luna: Venue = field(
        default_factory=lambda: _venue("restaurant", "Osteria Luna", "table-1", "table-2")
    )
    molo: Venue = field(default_factory=lambda: _venue("cafe", "Café Molo", "bar-1", "bar-2"))
    aurora: Venue = field(
        default_factory=lambda: _venue("hotel", "Hotel Aurora", "room-101", "room-102")
    )
    nove: Venue = field(
        default_factory=lambda: Venue(
            uuid4(),
            "retail",
            "Atelier Nove",
            {"items": ["fitting-1"], "hold_seconds": FITTING_IS_HELD_SECONDS},
        )
    )

    def all(self) -> tuple[Venue, ...]:
        return (self.sole, self.luna, self.molo, self.aurora, self.nove)


@dataclass(frozen=True, slots=True)
class Cast:
    """Guests by name, and who works where."""

    venues: Venues
    ada: Person = field(default_factory=lambda: _guest("Ada"))
    bruno: Person = field(default_factory=lambda: _guest("Bruno"))
    chiara: Person = field(default_factory=lambda: _guest("Chiara"))
    dora: Person = field(default_factory=lambda: _guest("Dora"))
    emil: Person = field(default_factory=lambda: _guest("Emil"))
    flora: Person = field(default_factory=lambda: _guest("Flora"))
    gino: Person = field(default_factory=lambda: _guest("Gino"))

    @property
    def sofia(self) -> Person:
        """Works at the restaurant."""
        return _staff("Sofia", self.venues.sole)

    @property
    def marco(self) -> Person:
        """Works at the café."""
        return _staff("Marco", self.venues.molo)
