"""What everybody hears of a command: its events, with what is sealed in them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from domain.booking import Booking
from domain.outcome import Accepted
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


class Announcer:
    """Writes events; `key` is the guest's, None when nothing personal is in them."""

    def __init__(self, topic: str, sealer: Sealer) -> None:
        self._topic = topic
        self._sealer = sealer

    def events(
        self,
        begun: Begun,
        accepted: Accepted,
        shown: Mapping[str, Any],
        key: DataKey | None,
        status: int,
        now: datetime,
    ) -> list[Output]:
        """In their order; `shown` is the booking as replies show it, `status` the reply's."""
        if not accepted.events:
            return []
        item, at = begun.item, begun.item.record.coordinates
        source = EventSource(
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
            sealed=self._sealed(begun, accepted, key, status),
        )
        return [
            Output(self._topic, event.key, event.value, event.headers)
            for event in events_of(accepted, shown, source, now)
        ]

    def _sealed(
        self, begun: Begun, accepted: Accepted, key: DataKey | None, status: int
    ) -> Mapping[str, object]:
        booking, history = accepted.booking, accepted.history
        place = event_part(booking.id, booking.version)
        reason = history.reason if history else None
        theirs = GuestPart(PersonalPart.of(booking), reason, accepted.client_secret)
        ours = ServicePart(history, _command_part(begun, booking, status))
        return {
            "v": VERSION,
            "service": self._sealer.seal(dump_service_part(ours), place),
            "guest": key.seal(dump_guest_part(theirs), place) if key else None,
        }


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
