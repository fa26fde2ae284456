"""A command whose start is written: to be run, to be resumed, or decided already."""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import UUID

from domain.commands import Command, CreateBooking
from domain.outcome import Outcome, Rejected
from domain.refusal import Refusal
from handlers.item import Item
from handlers.ports import (
    DataKey,
    KnownCommand,
    PromiseBroken,
    Start,
    StoredOutcome,
)
from schemas.building import build_command
from schemas.stored import load_principal


@dataclass(frozen=True, slots=True)
class Again:
    """The outcome that the idempotency key's first command had."""

    outcome: StoredOutcome
    row_id: UUID
    key: DataKey | None  # of the guest whose reply it is


@dataclass(frozen=True, slots=True)
class End:
    """The end of a command that was started and will not be delivered again."""

    abandoned: KnownCommand
    venue_id: UUID | None  # None when it had not come far enough to owe anything


@dataclass(frozen=True, slots=True)
class Follows:
    """The outcome that another command of the same wave has; that one stands before it."""

    first: UUID


@dataclass(eq=False, slots=True)
class Begun:
    """A command whose start is written; `decided` already when nothing has to be run for it."""

    item: Item
    start: Start
    journal: tuple[str, ...] = ()
    decided: Outcome | Again | Follows | End | None = None


def refused(item: Item) -> Outcome | None:
    """The outcome of what is recorded without being run."""
    return Rejected(item.refusal) if item.refusal else None


def resumed(item: Item, known: KnownCommand) -> Begun:
    """As it was first begun: stored principal, moment and reference; nothing is judged again."""
    first_asked = item.asked
    item.asked = replace(
        first_asked, principal=load_principal(known.start.principal), run=known.start.run
    )
    if item.command is not None:
        if first_asked.run == item.asked.run:
            item.command = replace(item.command, asked=item.asked)
        else:
            item.command = _of_that_run(item)
        if isinstance(item.command, CreateBooking) and known.start.booking_reference:
            item.command = replace(item.command, booking_reference=known.start.booking_reference)
    return Begun(item, known.start, known.journal, refused(item))


def _of_that_run(item: Item) -> Command:
    """The begun run's own command, not the record's: the ids that it gives away are others."""
    command = build_command(item.raw, item.asked)
    if isinstance(command, Refusal):
        raise PromiseBroken(f"what could be built for one run cannot for {item.asked.run}")
    return command
