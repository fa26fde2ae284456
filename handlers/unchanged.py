"""Ends that change no booking: what is refused, what was answered before, an erasure, and the
service's own commands, for whose reply nobody waits.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from domain.outcome import Erased, Rejected
from domain.refusal import Code, Refusal
from domain.undo import Undo
from handlers.acceptances import done_body, stored_outcome
from handlers.begun import Again, End
from handlers.closings import Closing, left_behind, undo_of
from handlers.journal import Journal
from handlers.outputs import dump_outputs
from handlers.ports import (
    GuestKeys,
    Output,
    Recording,
    StoredOutcome,
    SweepAgain,
    UndoAgain,
    key_id_of,
)
from handlers.routes import ReplyRoute
from handlers.sealing import personal_part, reply_of, seal_reply
from schemas.replies import refusal_body
from schemas.strict_json import utc

_ABANDONED = Refusal(
    Code.INTERNAL_ERROR,
    "The command was interrupted and cannot be resumed. What it had begun is given back.",
)


def refused(
    closing: Closing,
    rejected: Rejected,
    now: datetime,
    *,
    letters: Sequence[Output] = (),
) -> Recording:
    """With a reply to who waits for one; what it had begun is owed."""
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


def abandoned(closing: Closing, end: End, now: datetime) -> Recording:
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


def repeated(closing: Closing, again: Again, now: datetime) -> Recording:
    """The first's reply once more, kept under a key that is left."""
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


def again_of(row_id: UUID, outcome: StoredOutcome, keys: GuestKeys) -> Again:
    """Of a command of the same wave, sealed a moment ago with one of these."""
    key_id = key_id_of(outcome.sealed) if outcome.sealed else None
    key = next((each for each in keys.keys.values() if each.id == key_id), None)
    return Again(outcome, row_id, key)


def erased(closing: Closing, guest: Erased, now: datetime) -> Recording:
    """With the tombstones of the keys that were destroyed."""
    item, reply = closing.begun.item, None
    tombstones = [output for output in item.outputs if output.is_tombstone]
    if item.route is not None:
        reply = done_body(item, 200, now, {"guest_id": guest.guest_id, "erased_at": utc(now)})
        item.outputs.append(item.route.reply(reply))
    return Recording(
        row_id=item.row_id,
        partition=item.record.partition,
        outcome=stored_outcome(200, None, reply, tombstones),
        journal="[]",
        recorded_at=now,
    )


def silent(
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


def _frees_key(code: Code) -> bool:
    """What may succeed when sent again, and what was never judged on its merits; some of the latter
    is found only once the booking is known.
    """
    return code.retryable or code in (Code.VALIDATION_FAILED, Code.FORBIDDEN)
