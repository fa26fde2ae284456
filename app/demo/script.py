"""The words a scene is written in: who sends what, what the service has to answer, what follows.

Plain values, so that a day is read like a play; app.demo.playing acts them out and judges.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias
from uuid import UUID

PartnerName: TypeAlias = Literal["inventory", "pricing", "payment"]


@dataclass(frozen=True, slots=True)
class Person:
    """Who sends; `venue_ids` for those who work somewhere."""

    name: str
    role: Literal["guest", "staff"]
    subject: str
    venue_ids: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class Venue:
    """A place to book, and how the stand-in inventory is to treat it (docs/partners.md)."""

    id: UUID
    type: Literal["hotel", "restaurant", "cafe", "retail"]
    name: str
    inventory: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Hours:
    """An instant: so many hours after the next full hour of the day that is played."""

    after_next: int


@dataclass(frozen=True, slots=True)
class Minutes:
    """An instant: so many minutes from the minute in which the day began."""

    from_now: int


@dataclass(frozen=True, slots=True)
class Of:
    """A field of a booking that an earlier answer showed, as it was shown last."""

    booking: str
    field: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the story says the reply is. `shows`: fields of its data; a dot leads into lists."""

    status: int
    code: str | None = None
    replayed: bool = False
    shows: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Send:
    """One command or query; the booking in its answer is remembered as `named`.

    `events`: the types that have to come for that booking, in this order.
    """

    by: Person
    type: str
    venue: Venue
    data: Mapping[str, Any]
    answer: Answer
    events: tuple[str, ...] = ()
    named: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Together:
    """Sent at once, each with an answer of its own."""

    sends: tuple[Send, ...]


@dataclass(frozen=True, slots=True)
class Race:
    """Sent at once; the answers have to come in this number, to whomever.

    The winner's booking is remembered under the name that its own `Send` has.
    """

    sends: tuple[Send, ...]
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Happens:
    """Without anybody sending anything, these events come for the booking."""

    booking: str
    events: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Break:
    """A partner goes wrong from now on, in the way of an order to the stand-ins."""

    partner: PartnerName
    says: str
    fault: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Mend:
    """The partner behaves again."""

    partner: PartnerName


@dataclass(frozen=True, slots=True)
class Held:
    """The inventory service holds this many reservations at the venue."""

    venue: Venue
    reservations: int


@dataclass(frozen=True, slots=True)
class BooksAgree:
    """What the partners hold and kept is what the active and paid bookings say, no more."""


Act: TypeAlias = Send | Together | Race | Happens | Break | Mend | Held | BooksAgree


@dataclass(frozen=True, slots=True)
class Scene:
    """`story` tells it before it happens, `why` afterwards in the table."""

    title: str
    story: str
    acts: tuple[Act, ...]
    why: str


def sends_of(scenes: Iterable[Scene]) -> Iterator[Send]:
    """Everything that is sent, in order."""
    for scene in scenes:
        for act in scene.acts:
            if isinstance(act, Together | Race):
                yield from act.sends
            elif isinstance(act, Send):
                yield act
