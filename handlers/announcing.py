"""What everybody hears of a command: its events, with what is sealed in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from domain.booking import Booking
from domain.outcome import Accepted
from domain.values import dataclass
from handlers.begun import Begun
from handlers.ports import DataKey, Output, Sealer
from handlers.sealing import event_part
from schemas.events import EventSource, events_of
from schemas.sealed import (
    VERSION,
    CommandPart,
    GuestPart,
    PersonalPart,
    ServicePart,
    dump_guest_part,
    dump_service_part,
)


@dataclass(frozen=True, slots=True)
class Announced:
    """A change that events tell of."""

    begun: Begun
    accepted: Accepted
    key: DataKey | None  # the guest's; None: nothing personal is in them
    status: int  # of the reply


class Announcer:
    """Writes events."""

    def __init__(self, topic: str, sealer: Sealer) -> None:
        self._topic = topic
        self._sealer = sealer

    def events(
        self, changes: Sequence[Announced], shown: Sequence[Mapping[str, Any]], now: datetime
    ) -> list[list[Output]]:
        """Of each change, in their order; `shown` are the bookings as replies show them."""
        sealed = [self._sealed(each) if each.accepted.events else {} for each in changes]
        sources = list(map(_source, changes, sealed))
        return [
            [
                Output(self._topic, event.key, event.value, event.headers)
                for event in events_of(each.accepted, booking, source, now)
            ]
            for each, booking, source in zip(changes, shown, sources, strict=True)
        ]

    def _sealed(self, change: Announced) -> Mapping[str, object]:
        accepted, key = change.accepted, change.key
        booking, history = accepted.booking, accepted.history
        place = event_part(booking.id, booking.version)
        reason = history.reason if history else None
        theirs = GuestPart(PersonalPart.of(booking), reason, accepted.client_secret)
        ours = ServicePart(history, _command_part(change.begun, booking, change.status))
        return {
            "v": VERSION,
            "service": self._sealer.seal(dump_service_part(ours), place),
            "guest": key.seal(dump_guest_part(theirs), place) if key else None,
        }


def _source(change: Announced, sealed: Mapping[str, object]) -> EventSource:
    item = change.begun.item
    at = item.record.coordinates
    return EventSource(
        asked=item.asked,
        operation=item.raw.type,
        content_hash=item.raw.content_hash,
        request_hash=item.raw.request_hash,
        topic=at.topic,
        partition=at.partition,
        offset=at.offset,
        timestamp_ms=at.timestamp_ms,
        correlation_id=item.correlation_id,
        traceparent=item.traceparent,
        sealed=sealed,
    )


def _command_part(begun: Begun, booking: Booking, status: int) -> CommandPart:
    start = begun.start
    origin = start.origin
    return CommandPart(
        principal=start.principal,
        operation=start.operation,
        run=start.run,
        origin=(origin.topic, origin.partition, origin.offset, origin.timestamp_ms),
        sent=start.sent,
        decided=start.decided,
        reply_route=start.reply_route,
        key_id=start.key_id,
        status=status,
        erased_with=booking.contact.key_id if booking.contact.is_erased else None,
    )
