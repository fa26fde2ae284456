"""What the clients know: the bookings that replies told of, and the commands worth repeating."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from random import Random

from tests.chaos.orders import Order
from tests.service.callers import Caller
from tests.service.client import reply_of
from tests.service.feed import Feed

_REMEMBERED = 300
_FRESH_SECONDS = 10.0


@dataclass(slots=True)
class Known:
    """A booking as the last reply showed it."""

    id: str
    guest: Caller
    venue_id: str
    version: int
    status: str
    seen: float

    def may_be(self, *statuses: str) -> bool:
        """Whether it was last seen so, and has not expired since."""
        has_expired = self.status == "pending" and time.monotonic() - self.seen > _FRESH_SECONDS
        return self.status in statuses and not has_expired


@dataclass(slots=True)
class Memory:
    """Grows with every reply; forgets the oldest."""

    feed: Feed
    bookings: dict[str, Known] = field(default_factory=dict)
    sent: deque[Order] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    _awaited: dict[bytes, Order] = field(default_factory=dict)

    def note(self, order: Order) -> None:
        """It was sent: its reply will be looked at, and it may be repeated."""
        if order.topic != "commands" or order.answer_key is None or order.message is None:
            return
        self._awaited[order.answer_key] = order
        self.sent.append(order)

    def learn(self) -> None:
        """Look at the replies that have come."""
        for answer_key, order in list(self._awaited.items()):
            for record in self.feed.answers_to(answer_key)[:1]:
                del self._awaited[answer_key]
                self._learn(order, reply_of(record).body["data"])

    def _learn(self, order: Order, told: dict[str, object] | None) -> None:
        if not isinstance(told, dict) or "booking_reference" not in told or order.caller is None:
            return
        id_, version, status = str(told["id"]), int(str(told["version"])), str(told["status"])
        known = self.bookings.get(id_)
        if known is None:
            self.bookings[id_] = Known(
                id_, order.caller, str(told["venue_id"]), version, status, time.monotonic()
            )
            if len(self.bookings) > _REMEMBERED:
                del self.bookings[next(iter(self.bookings))]
        elif version >= known.version:
            known.version, known.status = version, status

    def one(self, random: Random, *statuses: str) -> Known | None:
        """Some booking that was last seen so; any when there is none of these."""
        self.learn()
        fitting = [known for known in self.bookings.values() if known.may_be(*statuses)]
        return random.choice(fitting or [*self.bookings.values()] or [None])
