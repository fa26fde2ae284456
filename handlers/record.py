"""How a command's end is written and published: its reply, its events, and what stands of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import chain
from uuid import UUID

from domain.commands import ExpireBooking, SettleUndo
from domain.outcome import Accepted, Erased, Ignored, Rejected, Settled, StillOwed
from domain.principal import System
from domain.refusal import Code, Refusal
from domain.rules import Rules
from domain.undo import Undo
from handlers.acceptances import Acceptances, done_body, stored_outcome
from handlers.announcing import Announcer
from handlers.audit import Auditor, decided
from handlers.begun import Again, End, Follows
from handlers.closings import (
    Closing,
    begun_by,
    guest_of,
    left_behind,
    lies_at,
    pause,
    settling,
    undo_again,
    undo_of,
)
from handlers.dead_letter import DeadLetters, Reason
from handlers.ended import Ended
from handlers.item import Item
from handlers.journal import Journal
from handlers.outputs import dump_outputs
from handlers.ports import (
    AuditEntry,
    GuestKeys,
    LaneTransaction,
    Output,
    Recording,
    Sealer,
    StoredOutcome,
    SweepAgain,
    UndoAgain,
    key_id_of,
)
from handlers.rounds import Failed
from handlers.routes import ReplyRoute
from handlers.sealing import (
    KeyTopic,
    keys_for,
    personal_part,
    reply_of,
    seal_reply,
    was_erased_since,
)
from schemas.replies import refusal_body
from schemas.strict_json import utc

_STEP = 40
"""Closings whose changes are recorded step by step beside each other: of many more than that the
next step finds nothing in the processor's cache any more (5 µs a create with 200)."""
_FAILED = Refusal(
    Code.INTERNAL_ERROR,
    "The service failed on this command. What it had begun is given back.",
)
_ABANDONED = Refusal(
    Code.INTERNAL_ERROR,
    "The command was interrupted and cannot be resumed. What it had begun is given back.",
)


class Recorder:
    """Turns ends into what is stored; the outputs are added to the commands' items."""

    def __init__(
        self, prefix: str, rules: Rules, sealer: Sealer, letters: DeadLetters, auditor: Auditor
    ) -> None:
        self._auditor = auditor
        self.key_topic = KeyTopic(f"{prefix}.guest-keys")
        announcer = Announcer(f"{prefix}.events", sealer)
        self._acceptances = Acceptances(announcer, self.key_topic, rules)
        self._letters = letters

    async def record(
        self,
        transaction: LaneTransaction,
        closings: Sequence[Closing],
        now: datetime,
        notes: Sequence[AuditEntry] = (),
        *,
        without_keys: bool = False,
    ) -> None:
        """Write them, and with them who did it: both or neither. `notes` are of other answers.

        Guests who are to be erased are erased by it. Without keys nothing is sealed for a guest:
        what failed because a key cannot be opened ends all the same. Raises CannotOpen.
        """
        recordings = await self.recordings(transaction, closings, now, without_keys=without_keys)
        await transaction.record(recordings)
        await self._auditor.append(transaction, [*decided(closings, recordings), *notes])
        outcomes = {each.row_id: each.outcome for each in recordings}
        for closing in closings:
            item, replayed = closing.begun.item, isinstance(closing.ended, Again | Follows)
            item.ended = Ended.stored(outcomes[item.row_id], replayed=replayed)

    async def recordings(
        self,
        transaction: LaneTransaction,
        closings: Sequence[Closing],
        now: datetime,
        *,
        without_keys: bool = False,
    ) -> list[Recording]:
        """What is to be written in the same transaction."""
        for closing in closings:
            if isinstance(closing.ended, Erased):  # alone in its wave
                await self._erase(transaction, closing.begun.item, closing.ended, now)
        sent = ((guest_of(closing), closing.begun.start.sent) for closing in closings)
        wanted = [(guest_id, at) for guest_id, at in sent if guest_id is not None]
        keys = await keys_for(transaction, [] if without_keys else wanted, now)
        accepted = chain.from_iterable(
            self._acceptances.recordings(closings[start : start + _STEP], keys, now)
            for start in range(0, len(closings), _STEP)
        )
        rows: dict[UUID, Recording] = {}
        for closing in closings:
            at = lies_at(closing)
            for row in self._recording(closing, accepted, rows, keys, now):
                rows[row.row_id] = replace(row, lies_at=at) if at else row
        return list(rows.values())

    async def _erase(
        self, transaction: LaneTransaction, item: Item, erased: Erased, now: datetime
    ) -> None:
        destroyed = await transaction.destroy_keys([erased.guest_id], now)
        item.outputs.extend(map(self.key_topic.gone, destroyed))

    def _recording(
        self,
        closing: Closing,
        accepted: Iterator[Recording],
        before: Mapping[UUID, Recording],
        keys: GuestKeys,
        now: datetime,
    ) -> list[Recording]:
        match closing.ended:
            case Accepted():
                return [next(accepted)]
            case Rejected() as rejected:
                return [self._rejected(closing, rejected, now)]
            case Again() as again:
                return [self._again(closing, again, now)]
            case Follows(first=first):
                again = _again_of(first, before[first].outcome, keys)
                return [self._again(closing, again, now)]
            case Failed() as failed:
                return [self._failed(closing, failed, keys, now)]
            case End() as end:
                ended = end.abandoned.start.row_id
                return [
                    self._abandoned(closing, end, now),
                    self._silent(closing, now, ended=ended),
                ]
            case Settled() | StillOwed() as settled:
                return [self._settled(closing, settled, accepted, now)]
            case Erased() as erased:
                return [self._erased(closing, erased, now)]
            case Ignored():
                return [self._silent(closing, now)]

    def _erased(self, closing: Closing, erased: Erased, now: datetime) -> Recording:
        item, reply = closing.begun.item, None
        tombstones = [out for out in item.outputs if out.topic == self.key_topic.name]
        if item.route is not None:
            reply = done_body(item, 200, now, {"guest_id": erased.guest_id, "erased_at": utc(now)})
            item.outputs.append(item.route.reply(reply))
        return Recording(
            row_id=item.row_id,
            partition=item.record.partition,
            outcome=stored_outcome(200, None, reply, tombstones),
            journal="[]",
            recorded_at=now,
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
            outcome=stored_outcome(refusal.code.status, refusal.code.word, reply, letters),
            journal=closing.journal.story(),
            recorded_at=now,
            drop_claims=True,
            release_key=item.key_id if _frees_key(refusal.code) else None,
            owed=(*rejected.owed, *left_behind(closing)),
        )

    def _again(self, closing: Closing, again: Again, now: datetime) -> Recording:
        item, outcome = closing.begun.item, again.outcome
        reply = reply_of(again.row_id, outcome, again.key)
        if item.route is not None and reply is not None:
            item.outputs.append(item.route.reply(reply, replayed=True))
        personal = personal_part(again.row_id, outcome, again.key) if again.key else {}
        sealed = seal_reply(again.key, item.row_id, personal)
        # Of an erased guest nothing is left to be sealed: what was just sent is all there is.
        kept = outcome.reply if again.key or reply is None else reply.decode()
        stored = StoredOutcome(outcome.status, outcome.code, kept, "[]", again.row_id, sealed)
        return Recording(item.row_id, item.record.partition, stored, "[]", now)

    def _failed(
        self, closing: Closing, failed: Failed, keys: GuestKeys, now: datetime
    ) -> Recording:
        """It ends alone: what it had begun is given back, its record is set aside; a sweep comes
        again by itself.
        """
        item = closing.begun.item
        key = keys.keys.get(item.guest_id) if item.guest_id is not None else None
        letters = self._set_aside(closing, failed, keys, now)
        item.outputs.extend(letters)
        if key is not None:
            item.outputs.append(self.key_topic.key(key))
        sealed = seal_reply(key, item.row_id, {})
        recording = self._failure(closing, now, letters)
        return replace(recording, outcome=replace(recording.outcome, sealed=sealed))

    def _failure(self, closing: Closing, now: datetime, letters: Sequence[Output]) -> Recording:
        match closing.begun.item.command:
            case SettleUndo(undo_id=undo_id, attempt=attempt):
                again = undo_again(undo_id, attempt, "the service failed on it", now)
                return self._silent(closing, now, undo_again=again, letters=letters)
            case ExpireBooking(booking_id=booking_id, attempt=attempt):
                later = SweepAgain(booking_id, attempt + 1, now + pause(attempt))
                owed = begun_by(closing)
                return self._silent(closing, now, sweep_again=later, owed=owed, letters=letters)
        rejected = Rejected(_FAILED, begun_by(closing))
        return self._rejected(closing, rejected, now, letters=letters)

    def _set_aside(
        self, closing: Closing, failed: Failed, keys: GuestKeys, now: datetime
    ) -> list[Output]:
        """The dead letter, stored with the outcome; none for a sweep that will be sent anew."""
        item = closing.begun.item
        erasure = was_erased_since(keys, item.guest_id, closing.begun.start.sent)
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
                key=keys.keys.get(item.guest_id) if item.guest_id is not None else None,
                erased_with=erasure.key_id if erasure else None,
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
            outcome=stored_outcome(_ABANDONED.code.status, _ABANDONED.code.word, reply),
            journal=journal.story(),
            recorded_at=now,
            drop_claims=True,
            release_key=start.key_id,
            owed=undo_of(journal.begun(), start.booking_id, end.venue_id),
        )

    def _settled(
        self,
        closing: Closing,
        settled: Settled | StillOwed,
        accepted: Iterator[Recording],
        now: datetime,
    ) -> Recording:
        undo = settling(closing)
        if isinstance(settled, StillOwed):
            again = undo_again(undo.undo_id, undo.attempt, settled.detail, now)
            return self._silent(closing, now, undo_again=again)
        if settled.change is not None:
            return next(accepted)
        return self._silent(closing, now, undo_done=undo.undo_id)

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


def _again_of(row_id: UUID, outcome: StoredOutcome, keys: GuestKeys) -> Again:
    """Of a command of the same wave, sealed a moment ago with one of these."""
    key_id = key_id_of(outcome.sealed) if outcome.sealed else None
    key = next((each for each in keys.keys.values() if each.id == key_id), None)
    return Again(outcome, row_id, key)


def _frees_key(code: Code) -> bool:
    """What may succeed when sent again, and what was never judged on its merits; some of the latter
    is found only once the booking is known.
    """
    return code.retryable or code in (Code.VALIDATION_FAILED, Code.FORBIDDEN)
