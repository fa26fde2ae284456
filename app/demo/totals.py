"""The day in figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from app.demo.client import Client
from app.demo.script import PartnerName


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts and times; seconds since the demo was started."""

    ready_seconds: float
    day_seconds: float
    messages: int
    median_reply_milliseconds: float
    events: int
    bookings: Mapping[str, int]  # by status
    partner_calls: Mapping[PartnerName, int]

    def lines(self) -> Iterator[tuple[str, str]]:
        """For people: what, and its figures."""
        statuses = ", ".join(f"{count} {status}" for status, count in self.bookings.items())
        calls = ", ".join(f"{name} {count}" for name, count in self.partner_calls.items())
        yield "time", f"ready in {self.ready_seconds:.1f} s, the day in {self.day_seconds:.1f} s"
        replies = f"as many replies (median {self.median_reply_milliseconds:.0f} ms)"
        yield "messages", f"{self.messages} sent, {replies}, {self.events} events"
        yield "bookings", f"{sum(self.bookings.values())}: {statuses}"
        yield "partners", f"{sum(self.partner_calls.values())} calls: {calls}"

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "ready_seconds": round(self.ready_seconds, 3),
            "day_seconds": round(self.day_seconds, 3),
            "messages": self.messages,
            "median_reply_milliseconds": round(self.median_reply_milliseconds, 1),
            "events": self.events,
            "bookings": dict(self.bookings),
            "partner_calls": dict(self.partner_calls),
        }


def totals_of(
    client: Client,
    partner_calls: Mapping[PartnerName, int],
    ready_seconds: float,
    day_seconds: float,
) -> Totals:
    """From what the client saw."""
    last = {event.booking_id: event.payload["status"] for event in client.events}
    return Totals(
        ready_seconds=ready_seconds,
        day_seconds=day_seconds,
        messages=client.sent,
        median_reply_milliseconds=median(client.milliseconds or [0.0]),
        events=len(client.events),
        bookings=Counter(last.values()),
        partner_calls=partner_calls,
    )
