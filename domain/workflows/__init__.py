"""What each command does, one file a command; each reads from top to bottom."""

from __future__ import annotations

from domain.commands import (
    CancelBooking,
    ChangeStatus,
    Command,
    CreateBooking,
    EndCommand,
    EraseGuest,
    ExpireBooking,
    Moment,
    SettleUndo,
    UpdateBooking,
)
from domain.rules import Rules
from domain.workflow import Workflow
from domain.workflows.cancel_booking import cancel_booking
from domain.workflows.change_status import change_status
from domain.workflows.create_booking import create_booking
from domain.workflows.erase_guest import erase_guest
from domain.workflows.expire_booking import expire_booking
from domain.workflows.settle_undo import settle_undo
from domain.workflows.update_booking import update_booking


def workflow_for(command: Command, at: Moment, rules: Rules) -> Workflow:
    """The command's workflow, ready to run.

    Raises TypeError for EndCommand: it ends another command and has no story of its own.
    """
    match command:
        case CreateBooking():
            return create_booking(command, at, rules)
        case UpdateBooking():
            return update_booking(command, at, rules)
        case CancelBooking():
            return cancel_booking(command, at, rules)
        case ChangeStatus():
            return change_status(command, at, rules)
        case EraseGuest():
            return erase_guest(command)
        case ExpireBooking():
            return expire_booking(command, at)
        case SettleUndo():
            return settle_undo(command, at, rules)
        case EndCommand():
            raise TypeError("expected a command with a workflow, got EndCommand")
