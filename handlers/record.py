"""How a command's end is written and published: its reply, its events, and what stands of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from domain.commands import CreateBooking, ExpireBooking, SettleUndo
from domain.outcome import Accepted, Claims, Ignored, Outcome, Rejected, Settled, StillOwed
from domain.permissions import sees_notes
from domain.refusal import Code, Refusal
from domain.rules import ConflictScope, Rules
from domain.undo import Undo
from domain.workflows.undo_begun import undo_begun
from handlers.journal import Journal
from handlers.outputs import dump_events
from handlers.ports import (
    BookingWrite,
    KnownCommand,
    Output,
    Recording,
    StoredOutcome,
    SweepAgain,
    UndoAgain,
)
from handlers.recall import Again, Begun, End
from handlers.rounds import Failed
from schemas.booking import booking_json
from schemas.events import EventSource, events_of
from schemas.replies import refusal_body, success_body

_FAILED = Refusal(
    Code.INTERNAL_ERROR,
    "The service failed on this command. What it had begun is given back.",
)
_ABANDONED = Refusal(
    Code.INTERNAL_ERROR,
    "The command was interrupted and cannot be resumed. What it had begun is given back.",
)


@dataclass(frozen=True, slots=True)
class Closing:
    """A command at its end, with all that its recording needs."""

    begun: Begun
    ended: Outcome | Failed | Again | End
    journal: Journal


class Recorder:
    """Turns ends into what is stored; the outputs are added to the commands' items."""

    def __init__(self, prefix: str, rules: Rules) -> None:
        self._events_topic = f"{prefix}.events"
        self._rules = rules

    def recordings(self, closings: Sequence[Closing], now: datetime) -> list[Recording]:
        return [row for closing in closings for row in self._recording(closing, now)]

    def _recording(self, closing: Closing, now: datetime) -> list[Recording]:
        match closing.ended:
            case Accepted() as accepted:
                return [self._accepted(closing, accepted, now)]
            case Rejected() as rejected:
                return [self._rejected(closing, rejected, now)]
            case Again() as again:
                return [self._again(closing, again, now)]
            case Failed():
                return [self._failed(closing, now)]
            case End() as end:
                return [self._abandoned(closing, end, now), self._silent(closing, now)]
            case Settled() as settled:
                return [self._settled(closing, settled, now)]
            case StillOwed() as still:
                return [self._silent(closing, now, undo_again=_again_later(closing, still, now))]
            case Ignored():
                return [self._silent(closing, now)]

    def _accepted(self, closing: Closing, accepted: Accepted, now: datetime) -> Recording:
        item, booking = closing.begun.item, accepted.booking
        reply = None
        if item.route is not None:
            body = booking_json(booking, with_notes=sees_notes(item.asked.principal))
            if accepted.client_secret is not None:
                body["payment_client_secret"] = accepted.client_secret
            status = 201 if isinstance(item.command, CreateBooking) else 200
            reply = success_body(
                "command_id", item.asked.command_id, item.raw.type, status, now, body
            )
            item.outputs.append(item.route.reply(reply))
        else:
            status = 200
        events = self._events(closing, accepted, now)
        item.outputs.extend(events)
        keeps_claim = self._rules.scope(booking.venue.type) is ConflictScope.UNIT
        return Recording(
            row_id=item.row_id,
            partition=item.record.partition,
            outcome=_stored(status, None, reply, events),
            journal=closing.journal.story(),
            recorded_at=now,
            write=BookingWrite(
                booking,
                accepted.history,
                accepted.claims,
                item.asked.derived("claim/final") if keeps_claim else None,
            ),
            owed=accepted.owed,
        )
