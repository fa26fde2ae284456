"""Commands on which the service failed: each ends alone, given back and set aside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from domain.commands import ExpireBooking, SettleUndo
from domain.outcome import Rejected
from domain.principal import System
from domain.refusal import Code, Refusal
from handlers.closings import Closing, begun_by, pause, undo_again
from handlers.dead_letter import DeadLetters, Reason
from handlers.ports import GuestKeys, Output, Recording, SweepAgain
from handlers.rounds import Failed
from handlers.sealing import KeyTopic, seal_reply, was_erased_since
from handlers.unchanged import refused, silent

_FAILED = Refusal(
    Code.INTERNAL_ERROR,
    "The service failed on this command. What it had begun is given back.",
)


class Failures:
    """Turns them into what is stored; the dead letters are added to the commands' items."""

    def __init__(self, letters: DeadLetters, key_topic: KeyTopic) -> None:
        self._letters = letters
        self._key_topic = key_topic

    def recording(
        self, closing: Closing, failed: Failed, keys: GuestKeys, now: datetime
    ) -> Recording:
        """A sweep's command is not set aside for a bug, as it comes again by itself."""
        item = closing.begun.item
        key = keys.keys.get(item.guest_id) if item.guest_id is not None else None
        letters = self._set_aside(closing, failed, keys, now)
        item.outputs.extend(letters)
        if key is not None:
            item.outputs.append(self._key_topic.key(key))
        sealed = seal_reply(key, item.row_id, {})
        recording = self._failure(closing, now, letters)
        return replace(recording, outcome=replace(recording.outcome, sealed=sealed))

    def _failure(self, closing: Closing, now: datetime, letters: Sequence[Output]) -> Recording:
        match closing.begun.item.command:
            case SettleUndo(undo_id=undo_id, attempt=attempt):
                again = undo_again(undo_id, attempt, "the service failed on it", now)
                return silent(closing, now, undo_again=again, letters=letters)
            case ExpireBooking(booking_id=booking_id, attempt=attempt):
                later = SweepAgain(booking_id, attempt + 1, now + pause(attempt))
                owed = begun_by(closing)
                return silent(closing, now, sweep_again=later, owed=owed, letters=letters)
        rejected = Rejected(_FAILED, begun_by(closing))
        return refused(closing, rejected, now, letters=letters)

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
