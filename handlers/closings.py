"""Commands at their ends, and what follows from how they came to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from domain.commands import SettleUndo
from domain.effects import ChangingCall, PartnerAnswer
from domain.outcome import Accepted, Outcome, Settled
from domain.undo import Undo
from domain.values import dataclass
from domain.workflows.undo_begun import undo_begun
from handlers.begun import Again, Begun, End, Follows
from handlers.journal import Journal
from handlers.ports import Coordinates, PromiseBroken, UndoAgain
from handlers.rounds import Failed


@dataclass(frozen=True, slots=True)
class Closing:
    """A command at its end, with all that its recording needs."""

    begun: Begun
    ended: Outcome | Failed | Again | Follows | End
    journal: Journal


def begun_by(closing: Closing) -> tuple[Undo, ...]:
    """What would give back all that the command began, or record what cannot be."""
    item = closing.begun.item
    return undo_of(closing.journal.begun(), item.booking_id, item.venue_id)


def left_behind(closing: Closing) -> tuple[Undo, ...]:
    """What an earlier try began, when this one took another way and never came to it."""
    item = closing.begun.item
    return undo_of(closing.journal.passed_by(), item.booking_id, item.venue_id)


def undo_of(
    begun: Sequence[tuple[ChangingCall, PartnerAnswer | None]],
    booking_id: UUID | None,
    venue_id: UUID | None,
) -> tuple[Undo, ...]:
    """What would give these calls back. Raises PromiseBroken without a booking or a venue."""
    if not begun:
        return ()
    if booking_id is None or venue_id is None:
        raise PromiseBroken("calls were made for a command without booking or venue")
    return undo_begun(begun, booking_id, venue_id)


def lies_at(closing: Closing) -> Coordinates | None:
    """Where the command is laid with its outcome, or another lane that adopted it meanwhile would
    seem to have published it; None where no other lane can have met it.
    """
    begun = closing.begun
    may_meet = begun.item.venue_id is None or begun.item.origin != begun.start.origin
    return begun.item.record.coordinates if may_meet else None


def accepted_in(closing: Closing) -> Accepted | None:
    """The change that it makes to a booking."""
    ended = closing.ended
    accepted = ended.change if isinstance(ended, Settled) else ended
    return accepted if isinstance(accepted, Accepted) else None


def guest_of(closing: Closing) -> UUID | None:
    """Whose key the recording needs."""
    if isinstance(closing.ended, Failed):
        return closing.begun.item.guest_id
    accepted = accepted_in(closing)
    return owner_of(accepted) if accepted is not None else None


def owner_of(accepted: Accepted) -> UUID | None:
    """The guest of whom it holds anything that has to be sealed."""
    contact, history = accepted.booking.contact, accepted.history
    is_sealed = contact.key_id is not None and not contact.is_erased  # and may be erased by now
    has_reason = history is not None and history.reason is not None
    is_told = has_reason or accepted.client_secret is not None
    return contact.guest_id if is_sealed or is_told or accepted.booking.is_personal else None


def without_person(accepted: Accepted) -> Accepted:
    """What is kept beside the booking when the guest was erased meanwhile."""
    history = accepted.history and replace(accepted.history, reason=None)
    return replace(accepted, history=history, client_secret=None)


def settling(closing: Closing) -> SettleUndo:
    """The command, which is one that settles. Raises PromiseBroken."""
    command = closing.begun.item.command
    if not isinstance(command, SettleUndo):
        raise PromiseBroken(f"expected settle_undo, got {type(command).__name__}")
    return command


def undo_again(undo_id: UUID, attempt: int, detail: str, now: datetime) -> UndoAgain:
    """After a try that did not settle it: the next one, after a pause."""
    return UndoAgain(undo_id, attempt + 1, now + pause(attempt), detail)


def pause(attempt: int) -> timedelta:
    """5 s, 10 s, 20 s … up to an hour."""
    return min(timedelta(seconds=5 * 2 ** min(attempt, 10)), timedelta(hours=1))
