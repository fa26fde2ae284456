"""How a command's end is written and published: its reply, its events, and what stands of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from domain.commands import CreateBooking, ExpireBooking, SettleUndo
from domain.effects import ChangingCall, PartnerAnswer
from domain.outcome import Accepted, Ignored, Outcome, Rejected, Settled, StillOwed
from domain.permissions import sees_notes
from domain.principal import System
from domain.refusal import Code, Refusal
from domain.rules import ConflictScope, Rules
from domain.undo import Undo
from domain.workflows.undo_begun import undo_begun
from handlers.audit import Auditor, decided
from handlers.begun import Again, Begun, End, Follows
from handlers.dead_letter import DeadLetters, Reason
from handlers.journal import Journal
from handlers.outputs import dump_outputs
from handlers.ports import (
    AuditEntry,
    BookingWrite,
    LaneTransaction,
    Output,
    PromiseBroken,
    Recording,
    Sealer,
    StoredOutcome,
    SweepAgain,
    UndoAgain,
)
from handlers.rounds import Failed
from handlers.routes import ReplyRoute
from schemas.booking import booking_json
from schemas.events import EventSource, bound_to, events_of
from schemas.replies import refusal_body, success_body
from schemas.sealed import CommandPart, PersonalPart, Sealed, dump_sealed

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
    ended: Outcome | Failed | Again | Follows | End
    journal: Journal


class Recorder:
    """Turns ends into what is stored; the outputs are added to the commands' items."""

    def __init__(
        self, prefix: str, rules: Rules, sealer: Sealer, letters: DeadLetters, auditor: Auditor
    ) -> None:
        self._auditor = auditor
        self._events_topic = f"{prefix}.events"
        self._rules = rules
        self._sealer = sealer
        self._letters = letters

    async def record(
        self,
        transaction: LaneTransaction,
        closings: Sequence[Closing],
        now: datetime,
        notes: Sequence[AuditEntry] = (),
    ) -> None:
        """Write them, and with them who did it: both or neither. `notes` are of other answers."""
        recordings = self.recordings(closings, now)
        await transaction.record(recordings)
        await self._auditor.append(transaction, [*decided(closings, recordings), *notes])

    def recordings(self, closings: Sequence[Closing], now: datetime) -> list[Recording]:
        rows: dict[UUID, Recording] = {}
        for closing in closings:
            rows |= {row.row_id: row for row in self._recording(closing, rows, now)}
        return list(rows.values())

    def _recording(
        self, closing: Closing, before: Mapping[UUID, Recording], now: datetime
    ) -> list[Recording]:
        match closing.ended:
            case Accepted() as accepted:
                return [self._accepted(closing, accepted, now)]
            case Rejected() as rejected:
                return [self._rejected(closing, rejected, now)]
            case Again() as again:
                return [self._again(closing, again, now)]
            case Follows(first=first):
                return [self._again(closing, Again(before[first].outcome, first), now)]
            case Failed() as failed:
                return [self._failed(closing, failed, now)]
            case End() as end:
                ended = end.abandoned.start.row_id
                return [
                    self._abandoned(closing, end, now),
                    self._silent(closing, now, ended=ended),
                ]
            case Settled() as settled:
                return [self._settled(closing, settled, now)]
            case StillOwed() as still:
                return [self._still_owed(closing, still, now)]
            case Ignored():
                return [self._silent(closing, now)]

    def _accepted(
        self,
        closing: Closing,
        accepted: Accepted,
        now: datetime,
        *,
        undo_done: UUID | None = None,
    ) -> Recording:
        item, booking = closing.begun.item, accepted.booking
        status = 201 if isinstance(item.command, CreateBooking) else 200
        reply = None
        if item.route is not None:
            shown = booking_json(booking, with_notes=sees_notes(item.asked.principal))
            if accepted.client_secret is not None:
                shown["payment_client_secret"] = accepted.client_secret
            reply = success_body(
                "command_id", item.asked.command_id, item.raw.type, status, now, shown
            )
            item.outputs.append(item.route.reply(reply))
        events = self._events(closing, accepted, status, now)
        item.outputs.extend(events)
        is_claimed = self._rules.scope(booking.venue.type) is ConflictScope.UNIT
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
                item.asked.derived("claim/final") if is_claimed else None,
            ),
            owed=(*accepted.owed, *self._left_behind(closing)),
            undo_done=undo_done,
        )

    def _rejected(
        self,
        closing: Closing,
        rejected: Rejected,
        now: datetime,
        *,
        letters: Sequence[Output] = (),
    ) -> Recording:
        item, refusal = closing.begun.item, rejected.refusal
        reply = None
        if item.route is not None:
            reply = refusal_body("command_id", item.asked.command_id, item.raw.type, now, refusal)
            item.outputs.append(item.route.reply(reply))
        return Recording(
            row_id=item.row_id,
            partition=item.record.partition,
            outcome=_stored(refusal.code.status, refusal.code.word, reply, letters),
            journal=closing.journal.story(),
            recorded_at=now,
            drop_claims=True,
            release_key=item.key_id if _frees_key(refusal.code) else None,
            owed=(*rejected.owed, *self._left_behind(closing)),
        )

    def _again(self, closing: Closing, again: Again, now: datetime) -> Recording:
        item, outcome = closing.begun.item, again.outcome
        if item.route is not None and outcome.reply is not None:
            item.outputs.append(item.route.reply(outcome.reply.encode(), replayed=True))
        stored = StoredOutcome(outcome.status, outcome.code, outcome.reply, "[]", again.row_id)
        return Recording(item.row_id, item.record.partition, stored, "[]", now)

    def _failed(self, closing: Closing, failed: Failed, now: datetime) -> Recording:
        """It ends alone: what it had begun is given back, its record is set aside; a sweep comes
        again by itself.
        """
        item = closing.begun.item
        letters = self._set_aside(closing, failed, now)
        item.outputs.extend(letters)
        match item.command:
            case SettleUndo(undo_id=undo_id, attempt=attempt):
                again = _undo_again(undo_id, attempt, "the service failed on it", now)
                return self._silent(closing, now, undo_again=again, letters=letters)
            case ExpireBooking(booking_id=booking_id, attempt=attempt):
                later = SweepAgain(booking_id, attempt + 1, now + _pause(attempt))
                owed = self._begun(closing)
                return self._silent(closing, now, sweep_again=later, owed=owed, letters=letters)
        rejected = Rejected(_FAILED, self._begun(closing))
        return self._rejected(closing, rejected, now, letters=letters)

    def _set_aside(self, closing: Closing, failed: Failed, now: datetime) -> list[Output]:
        """The dead letter, stored with the outcome; none for a sweep that will be sent anew."""
        item = closing.begun.item
        if isinstance(item.asked.principal, System) and failed.reason is Reason.BUG:
            return []
        return [
            self._letters.letter(
                item.record,
                item.origin,
                failed.reason,
                failed.detail,
                now,
                attempts=failed.attempts,
                principal=item.asked.principal,
                run=item.asked.run,
            )
        ]

    def _abandoned(self, closing: Closing, end: End, now: datetime) -> Recording:
        """The end of another command than the one at hand: its row, its claims, key and reply."""
        start = end.abandoned.start
        reply = None
        if start.reply_route is not None:
            reply = refusal_body("command_id", start.command_id, start.operation, now, _ABANDONED)
            closing.begun.item.outputs.append(ReplyRoute.loaded(start.reply_route).reply(reply))
        journal = Journal(end.abandoned.journal)
        return Recording(
            row_id=start.row_id,
            partition=closing.begun.item.record.partition,
            outcome=_stored(_ABANDONED.code.status, _ABANDONED.code.word, reply),
            journal=journal.story(),
            recorded_at=now,
            drop_claims=True,
            release_key=start.key_id,
            owed=self._undo_begun(journal.begun(), start.booking_id, end.venue_id),
        )

    def _settled(self, closing: Closing, settled: Settled, now: datetime) -> Recording:
        undo = _settling(closing)
        if settled.change is not None:
            return self._accepted(closing, settled.change, now, undo_done=undo.undo_id)
        return self._silent(closing, now, undo_done=undo.undo_id)

    def _still_owed(self, closing: Closing, still: StillOwed, now: datetime) -> Recording:
        undo = _settling(closing)
        again = _undo_again(undo.undo_id, undo.attempt, still.detail, now)
        return self._silent(closing, now, undo_again=again)

    def _silent(
        self,
        closing: Closing,
        now: datetime,
        *,
        undo_done: UUID | None = None,
        undo_again: UndoAgain | None = None,
        sweep_again: SweepAgain | None = None,
        ended: UUID | None = None,
        owed: tuple[Undo, ...] = (),
        letters: Sequence[Output] = (),
    ) -> Recording:
        """A command of the service's own: nobody waits for a reply to it.

        `ended` is the command that it ended, whose reply goes out with its record.
        """
        item = closing.begun.item
        return Recording(
            row_id=item.row_id,
            partition=item.record.partition,
            outcome=StoredOutcome(200, None, None, dump_outputs(letters), ended),
            journal=closing.journal.story(),
            recorded_at=now,
            undo_done=undo_done,
            undo_again=undo_again,
            sweep_again=sweep_again,
            owed=owed,
        )

    def _events(
        self, closing: Closing, accepted: Accepted, status: int, now: datetime
    ) -> list[Output]:
        if not accepted.events:
            return []
        item, booking = closing.begun.item, accepted.booking
        at = item.record.coordinates
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
            sealed=self._sealer.seal(
                dump_sealed(_sealed(closing.begun, accepted, status)),
                bound_to(booking.id, booking.version),
            ),
        )
        return [
            Output(self._events_topic, event.key, event.value, event.headers)
            for event in events_of(accepted, source, now)
        ]

    def _begun(self, closing: Closing) -> tuple[Undo, ...]:
        """What would give back all that the command began, or record what cannot be."""
        item = closing.begun.item
        return self._undo_begun(closing.journal.begun(), item.booking_id, item.venue_id)

    def _left_behind(self, closing: Closing) -> tuple[Undo, ...]:
        """What an earlier try began, when this one took another way and never came to it."""
        item = closing.begun.item
        return self._undo_begun(closing.journal.passed_by(), item.booking_id, item.venue_id)

    def _undo_begun(
        self,
        begun: Sequence[tuple[ChangingCall, PartnerAnswer | None]],
        booking_id: UUID | None,
        venue_id: UUID | None,
    ) -> tuple[Undo, ...]:
        if not begun:
            return ()
        if booking_id is None or venue_id is None:
            raise PromiseBroken("calls were made for a command without booking or venue")
        return undo_begun(begun, booking_id, venue_id)


def _sealed(begun: Begun, accepted: Accepted, status: int) -> Sealed:
    start = begun.start
    origin = start.origin
    command = CommandPart(
        principal=start.principal,
        operation=start.operation,
        run=start.run,
        origin=(origin.topic, origin.partition, origin.offset, origin.timestamp_ms),
        sent=start.sent,
        decided=start.decided,
        reply_route=start.reply_route,
        key_id=start.key_id,
        status=status,
        client_secret=accepted.client_secret,
    )
    return Sealed(PersonalPart.of(accepted.booking), accepted.history, command)


def _frees_key(code: Code) -> bool:
    """What may succeed when sent again, and what was never judged on its merits; some of the latter
    is found only once the booking is known.
    """
    return code.retryable or code in (Code.VALIDATION_FAILED, Code.FORBIDDEN)


def _stored(
    status: int, code: str | None, reply: bytes | None, outputs: Sequence[Output] = ()
) -> StoredOutcome:
    body = reply.decode() if reply is not None else None
    return StoredOutcome(status, code, body, dump_outputs(outputs) if outputs else "[]", None)


def _settling(closing: Closing) -> SettleUndo:
    command = closing.begun.item.command
    if not isinstance(command, SettleUndo):
        raise PromiseBroken(f"expected settle_undo, got {type(command).__name__}")
    return command


def _undo_again(undo_id: UUID, attempt: int, detail: str, now: datetime) -> UndoAgain:
    return UndoAgain(undo_id, attempt + 1, now + _pause(attempt), detail)


def _pause(attempt: int) -> timedelta:
    """5 s, 10 s, 20 s … up to an hour."""
    return min(timedelta(seconds=5 * 2 ** min(attempt, 10)), timedelta(hours=1))
