"""The lifecycle of a booking as a table: which action is possible where, and where it leads."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Status(StrEnum):
    PENDING = "pending"
    CONFIRMED = "confirmed"
    CHECKED_IN = "checked_in"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    NO_SHOW = "no_show"
    EXPIRED = "expired"


class Action(StrEnum):
    CONFIRM = "confirm"
    CHECK_IN = "check_in"
    COMPLETE = "complete"
    CANCEL = "cancel"
    MARK_NO_SHOW = "mark_no_show"
    EXPIRE = "expire"


LIFECYCLE: Final[dict[tuple[Status, Action], Status]] = {
    (Status.PENDING, Action.CONFIRM): Status.CONFIRMED,
    (Status.PENDING, Action.CANCEL): Status.CANCELLED,
    (Status.PENDING, Action.EXPIRE): Status.EXPIRED,
    (Status.CONFIRMED, Action.CHECK_IN): Status.CHECKED_IN,
    (Status.CONFIRMED, Action.COMPLETE): Status.COMPLETED,
    (Status.CONFIRMED, Action.CANCEL): Status.CANCELLED,
    (Status.CONFIRMED, Action.MARK_NO_SHOW): Status.NO_SHOW,
    (Status.CHECKED_IN, Action.COMPLETE): Status.COMPLETED,
    (Status.CHECKED_IN, Action.CANCEL): Status.CANCELLED,
}

ACTIVE: Final = frozenset({Status.PENDING, Status.CONFIRMED, Status.CHECKED_IN})
"""The statuses in which a booking holds its slot; the others are final."""


def next_status(status: Status, action: Action) -> Status | None:
    """Where `action` leads from `status`; None when it is not possible there."""
    return LIFECYCLE.get((status, action))


def reachable_from(status: Status) -> tuple[Status, ...]:
    """The statuses one action away, in the table's order."""
    return tuple(to for (start, _), to in LIFECYCLE.items() if start is status)
