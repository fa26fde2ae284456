"""The stand-in inventory service: what can be held at a venue, and what is."""

from __future__ import annotations

import itertools
import secrets
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from app.demo.partners.service import Answer, Call, Json, refused

_FULL: Final = refused(409, "full", "nothing is free at that time")


@dataclass(frozen=True, slots=True)
class Venue:
    """How much a venue has. Without limits (the default) it takes everything.

    `items`: named rooms or tables, each for one booking at a time.
    `units`: how many bookings fit at the same time. `max_party_size`: the largest party.
    """

    items: tuple[str, ...] = ()
    units: int | None = None
    max_party_size: int | None = None
    hold_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """A reservation that stands; half-open in time."""

    reservation_id: str
    reference: str
    venue_id: str
    item: str | None
    starts_at: datetime
    ends_at: datetime


@dataclass(slots=True)
class _Books:
    by_id: dict[str, Hold] = field(default_factory=dict)
    by_venue: dict[str, dict[str, Hold]] = field(default_factory=dict)
    by_reference: dict[str, dict[str, Hold]] = field(default_factory=dict)

    def add(self, hold: Hold) -> None:
        self.by_id[hold.reservation_id] = hold
        self.by_venue.setdefault(hold.venue_id, {})[hold.reservation_id] = hold
        self.by_reference.setdefault(hold.reference, {})[hold.reservation_id] = hold

    def drop(self, hold: Hold) -> None:
        del self.by_id[hold.reservation_id]
        del self.by_venue[hold.venue_id][hold.reservation_id]
        del self.by_reference[hold.reference][hold.reservation_id]


class Inventory:
    """Holds units of venues."""

    def __init__(self) -> None:
        self._venues: dict[str, Venue] = {}
        self._books = _Books()
        run = secrets.token_hex(3)
        self._ids = (f"res_{run}{n:06d}" for n in itertools.count(1))
        self._calls = {
            "/api/v1/inventory/check-availability": Call("check-availability", self._check),
            "/api/v1/inventory/reserve": Call("reserve", self._reserve),
            "/api/v1/inventory/update-reservation": Call("update-reservation", self._update),
            "/api/v1/inventory/release": Call("release", self._release),
        }

    def route(self, method: str, path: str) -> tuple[Call, str] | None:
        call = self._calls.get(path)
        return (call, "") if call and method == "POST" else None

    def configure(self, path: str, settings: Json) -> None:
        """`PUT /_venues/<venue id>` with the fields of `Venue`."""
        venue_id = path.removeprefix("/_venues/")
        self._venues[venue_id] = Venue(**{**settings, "items": tuple(settings.get("items", ()))})

    def state(self) -> Json:
        return {
            "reservations": [
                {
                    "reservation_id": hold.reservation_id,
                    "booking_reference": hold.reference,
                    "venue_id": hold.venue_id,
                    "inventory_item_id": hold.item,
                    "starts_at": hold.starts_at.isoformat(),
                    "ends_at": hold.ends_at.isoformat(),
                }
                for hold in self._books.by_id.values()
            ]
        }

    def _check(self, body: Json, _: str) -> Answer:
        free = self._free(body["venue_id"], body, body.get("inventory_item_id"))
        if isinstance(free, Answer):
            return Answer(200, {"available": False, "reason": free.payload["error"]})
        return Answer(200, {"available": True, "inventory_item_id": free})

    def _reserve(self, body: Json, _: str) -> Answer:
        venue_id = body["venue_id"]
        free = self._free(venue_id, body, body.get("inventory_item_id"))
        if isinstance(free, Answer):
            return free
        starts_at, ends_at = _slot(body)
        hold = Hold(next(self._ids), body["booking_reference"], venue_id, free, starts_at, ends_at)
        self._books.add(hold)
        answer = {"reservation_id": hold.reservation_id, "inventory_item_id": free}
        if seconds := self._venues.get(venue_id, _OPEN).hold_seconds:
            until = datetime.now(starts_at.tzinfo) + timedelta(seconds=seconds)
            answer["expires_at"] = until.isoformat()
        return Answer(200, answer, effect=True)

    def _update(self, body: Json, _: str) -> Answer:
        hold = self._books.by_id.get(body["reservation_id"])
        if hold is None:
            return refused(404, "nothing_held", "no such reservation stands")
        free = self._free(hold.venue_id, body, hold.item, besides=hold)
        if isinstance(free, Answer):
            return free
        starts_at, ends_at = _slot(body)
        self._books.drop(hold)
        self._books.add(replace(hold, starts_at=starts_at, ends_at=ends_at))
        return Answer(200, {"reservation_id": hold.reservation_id, "updated": True}, effect=True)

    def _release(self, body: Json, _: str) -> Answer:
        """One reservation by its id, else all that stand under the reference."""
        if reservation_id := body.get("reservation_id"):
            held = [hold] if (hold := self._books.by_id.get(reservation_id)) else []
        else:
            held = list(self._books.by_reference.get(body["booking_reference"], {}).values())
        if not held:
            return refused(404, "nothing_held", "nothing was held")
        for hold in held:
            self._books.drop(hold)
        return Answer(200, {"released": len(held)}, effect=True)

    def _free(
        self, venue_id: str, body: Json, item: str | None, besides: Hold | None = None
    ) -> str | Answer | None:
        """The item to give (None: the venue has none), or the refusal."""
        venue = self._venues.get(venue_id)
        if venue is None:
            return item
        if venue.max_party_size is not None and body["party_size"] > venue.max_party_size:
            return refused(409, "party_too_large", f"at most {venue.max_party_size}")
        if item is not None and venue.items and item not in venue.items:
            return refused(409, "no_such_item", item)
        starts_at, ends_at = _slot(body)
        in_the_way = [
            hold
            for hold in self._books.by_venue.get(venue_id, {}).values()
            if hold is not besides and hold.starts_at < ends_at and starts_at < hold.ends_at
        ]
        if venue.units is not None and _most_at_once(in_the_way) >= venue.units:
            return _FULL
        if not venue.items:
            return item
        taken = {hold.item for hold in in_the_way}
        wanted = venue.items if item is None else (item,)
        return next((name for name in wanted if name not in taken), _FULL)


_OPEN: Final = Venue()


def _slot(body: Json) -> tuple[datetime, datetime]:
    starts_at = datetime.fromisoformat(body["booking_time"])
    if starts_at.tzinfo is None:
        raise ValueError("booking_time has no offset")
    return starts_at, starts_at + timedelta(minutes=body["duration_minutes"])


def _most_at_once(holds: list[Hold]) -> int:
    """How many of them stand at the busiest moment: one of their starts."""
    return max(
        (sum(h.starts_at <= at.starts_at < h.ends_at for h in holds) for at in holds), default=0
    )
