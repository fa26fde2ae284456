"""Acts the scenes out one after another, and judges each by what came back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from app.demo.books import open_books
from app.demo.client import Client, Event, Reply
from app.demo.desks import Desks
from app.demo.judging import deviations, event_deviations, race_deviations
from app.demo.memory import Memory, Unknown
from app.demo.script import (
    Act,
    BooksAgree,
    Break,
    Happens,
    Held,
    Mend,
    PartnerName,
    Race,
    Scene,
    Send,
    Together,
    sends_of,
)
from app.demo.tokens import token_of

_EVENTS_WITHIN_SECONDS = 10.0
_HAPPENS_WITHIN_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Ending:
    """How a scene ended; without deviations it ended as the story says."""

    scene: Scene
    deviations: tuple[str, ...]
    seconds: float

    @property
    def as_told(self) -> bool:
        return not self.deviations


class Audience(Protocol):
    """Who is told what goes on, as it goes on."""

    def scene(self, number: int, scene: Scene) -> None: ...

    def sent(self, send: Send, data: Mapping[str, Any]) -> None: ...

    def replied(self, send: Send, reply: Reply) -> None: ...

    def told(self, event: Event) -> None: ...

    def partner(self, partner: PartnerName, says: str) -> None: ...

    def ended(self, ending: Ending) -> None: ...


@dataclass(slots=True)
class Player:
    """One day being played."""

    client: Client
    desks: Desks
    secret: str
    audience: Audience
    memory: Memory = field(default_factory=Memory)
    _judged_events: dict[str, int] = field(default_factory=dict)  # how many, by booking id

    async def play(self, scenes: Sequence[Scene]) -> list[Ending]:
        """All scenes; one that goes wrong does not keep the next from being played."""
        self.client.on_event = self.audience.told
        for venue in {send.venue.id: send.venue for send in sends_of(scenes)}.values():
            await self.desks.prepare(venue)
        loop = asyncio.get_running_loop()
        endings = []
        for number, scene in enumerate(scenes, start=1):
            self.audience.scene(number, scene)
            began = loop.time()
            found: list[str] = []
            for act in scene.acts:
                try:
                    found += await self._act(act)
                except Unknown as unknown:
                    found.append(str(unknown))
            ending = Ending(scene, tuple(found), loop.time() - began)
            self.audience.ended(ending)
            endings.append(ending)
        return endings

    async def _act(self, act: Act) -> Iterable[str]:
        """Gives what is not as told."""
        match act:
            case Send():
                return await self._send(act)
            case Together(sends):
                found = await asyncio.gather(*map(self._send, sends))
                return [deviation for one in found for deviation in one]
            case Race():
                return await self._race(act)
            case Happens(booking, events):
                booking_id = self.memory.booking_id(booking)
                return await self._events(booking, booking_id, events, _HAPPENS_WITHIN_SECONDS)
            case _:
                return await self._look(act)

    async def _look(self, act: Break | Mend | Held | BooksAgree) -> Iterable[str]:
        match act:
            case Break(partner, says, fault):
                await self.desks.break_down(partner, fault)
                self.audience.partner(partner, says)
            case Mend(partner):
                await self.desks.mend(partner)
                self.audience.partner(partner, "is back")
            case Held(venue, reservations):
                held = [one for one in await self.desks.held() if one["venue_id"] == str(venue.id)]
                self.audience.partner("inventory", f"holds {len(held)} at {venue.name}")
                if len(held) != reservations:
                    return [f"inventory holds {len(held)} at {venue.name}, not {reservations}"]
            case BooksAgree():
                return await self._compare_books()
        return []

    async def _send(self, send: Send) -> Iterable[str]:
        shows = self.memory.filled_all(send.answer.shows)
        reply = await self._ask(send)
        if reply is None:
            return [f"{send.type} got no reply"]
        return [*deviations(reply, send.answer, shows), *await self._events_after(send, reply)]

    async def _race(self, race: Race) -> Iterable[str]:
        replies = await asyncio.gather(*map(self._ask, race.sends))
        found = list(race_deviations([reply for reply in replies if reply], race.answers))
        for send, reply in zip(race.sends, replies, strict=True):
            if reply is not None and reply.error is None:
                found += await self._events_after(send, reply)
        return found

    async def _ask(self, send: Send) -> Reply | None:
        data = self.memory.filled_all(send.data)
        self.audience.sent(send, data)
        token = token_of(send.by, self.secret)
        try:
            reply = await self.client.ask(send.type, data, str(send.venue.id), token, send.key)
        except TimeoutError:
            return None
        self.audience.replied(send, reply)
        if send.named is not None and reply.data is not None:
            self.memory.bookings[send.named] = reply.data
        return reply

    async def _events_after(self, send: Send, reply: Reply) -> Iterable[str]:
        if send.named is None or reply.data is None:
            return []
        return await self._events(send.named, reply.data["id"], send.events, _EVENTS_WITHIN_SECONDS)

    async def _events(
        self, name: str, booking_id: str, told: Sequence[str], within: float
    ) -> Iterable[str]:
        """Waits for as many events as are told, then compares all that came since last time."""
        judged = self._judged_events.get(booking_id, 0)
        came = await self.client.events_of(booking_id, judged, len(told), within)
        self._judged_events[booking_id] = judged + len(came)
        return event_deviations(name, came, told)

    async def _compare_books(self) -> Iterable[str]:
        books = await open_books(self.desks, self.client.events)
        self.audience.partner(
            "inventory", f"holds {len(books.held)}, active are {len(books.active)}"
        )
        self.audience.partner(
            "payment", f"keeps {books.total_kept}, the bookings say {books.total_paid}"
        )
        found = list(books.deviations())
        judged = sum(self._judged_events.values())
        if judged != len(self.client.events):
            found.append(f"{len(self.client.events)} events came, the story tells of {judged}")
        return found
