"""Move a booking along its lifecycle: check in, complete, no-show; confirming has its own file."""

from __future__ import annotations

from typing import Final

from domain.booking import Booking
from domain.commands import CancelBooking, ChangeStatus, Moment
from domain.effects import FindBooking
from domain.lifecycle import ACTIVE, Action, Status
from domain.outcome import Rejected
from domain.permissions import Operation
from domain.policies.standing import (
    invalid_transition,
    refuse_transition,
    refuse_version,
    within_reach,
)
from domain.policies.timing import refuse_check_in, refuse_no_show
from domain.refusal import Refusal
from domain.rules import Rules
from domain.workflow import Workflow, ask
from domain.workflows.cancel_booking import cancel_booking
from domain.workflows.confirm import confirm
from domain.workflows.give_back import release_of, release_owed
from domain.workflows.moving import moved

_STEP: Final = {
    Status.CONFIRMED: (Action.CONFIRM, Operation.CONFIRM),
    Status.CHECKED_IN: (Action.CHECK_IN, Operation.CHECK_IN),
    Status.COMPLETED: (Action.COMPLETE, Operation.COMPLETE),
    Status.NO_SHOW: (Action.MARK_NO_SHOW, Operation.MARK_NO_SHOW),
}
"""What a status word asks for; cancelled is the cancellation, any other cannot be asked for."""


def change_status(command: ChangeStatus, at: Moment, rules: Rules) -> Workflow:
    """Accepted in the new status; the end of a stay frees slot and inventory, the money stays."""
    if command.to is Status.CANCELLED:
        return (yield from cancel_booking(_as_cancellation(command), at, rules))
    action, operation = _STEP.get(command.to, (None, Operation.GET))
    found = yield from ask(FindBooking(command.booking_id))
    booking = within_reach(found, command.asked.principal, operation)
    if isinstance(booking, Refusal):
        return Rejected(booking)
    if refusal := refuse_version(booking, command.expected_version):
        return Rejected(refusal)
    if action is None:
        return Rejected(invalid_transition(booking, command.to))
    if refusal := refuse_transition(booking, action, command.to):
        return Rejected(refusal)
    if action is Action.CONFIRM:
        return (yield from confirm(command, booking, at))
    if refusal := _refuse_moment(action, booking, at, rules):
        return Rejected(refusal)
    return (yield from _move(command, booking, at))


def _move(command: ChangeStatus, booking: Booking, at: Moment) -> Workflow:
    by = command.asked.label
    if command.to in ACTIVE:
        return moved(booking, command.to, by, at.decided, command.reason)
    release = release_of(command.asked, booking)
    released = yield from ask(release)
    owed = release_owed(booking, release, released)
    return moved(booking, command.to, by, at.decided, command.reason, owed)


def _refuse_moment(action: Action, booking: Booking, at: Moment, rules: Rules) -> Refusal | None:
    match action:
        case Action.CHECK_IN:
            return refuse_check_in(booking, at, rules)
        case Action.MARK_NO_SHOW:
            return refuse_no_show(booking, at, rules)
        case _:
            return None


def _as_cancellation(command: ChangeStatus) -> CancelBooking:
    return CancelBooking(
        command.asked, command.booking_id, command.expected_version, command.reason
    )
