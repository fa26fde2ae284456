"""What do we know already: tells new commands from repeated ones, and writes the start of the new.

Ids come before keys. A command with a recorded outcome is redelivered (same coordinates: everything
is published again, the earlier try was aborted), a second copy of the same origin (nothing), or
repeated (the reply alone). One that was started and never ended is resumed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from domain.commands import Asked, CreateBooking, EndCommand
from domain.effects import ReserveInventory
from domain.outcome import Ignored, Outcome, Rejected
from domain.reference import proposed_reference
from domain.refusal import Code, Refusal
from domain.rules import Rules
from handlers.item import Item
from handlers.journal import Journal
from handlers.outputs import load_events
from handlers.ports import (
    Coordinates,
    KeyClaim,
    KeyHolder,
    KnownCommand,
    LaneTransaction,
    Output,
    Start,
    StoredOutcome,
)
from handlers.routes import ReplyRoute
from schemas.building import build_command
from schemas.replies import refusal_body
from schemas.stored import dump_principal, load_principal

_SENT_AGAIN: Final = frozenset({"expire_booking", "settle_undo"})
"""Under the same id, as long as they are due; an outcome would keep them from ever being done."""


@dataclass(frozen=True, slots=True)
class Again:
    """The outcome that the idempotency key's first command had."""

    outcome: StoredOutcome
    row_id: UUID


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


async def recall(
    transaction: LaneTransaction, items: Sequence[Item], rules: Rules, now: datetime
) -> list[Begun]:
    """Begin what is new or unfinished; what is known gets its outputs at once.

    No two of `items` share an id, a key or a booking.
    """
    items = [item for item in items if item.record.partition not in transaction.lost]
    known = dict(await transaction.find_commands([item.row_id for item in items]))
    new = [item for item in items if item.row_id not in known]
    await _settle_references(transaction, new)
    starts = {item.row_id: _start(item, now) for item in new}
    written = await transaction.start([starts[row_id] for row_id in sorted(starts)])
    if overtaken := starts.keys() - written:  # by another lane, a moment ago
        known |= await transaction.find_commands(sorted(overtaken))
    carried = await _carried_on(transaction, items, known)
    begun: list[Begun] = []
    adopted: dict[UUID, Coordinates] = {}
    for item in items:
        if item.row_id in written:
            begun.append(Begun(item, starts[item.row_id], decided=_refused(item)))
        elif _may_continue(item, known[item.row_id], carried, now):
            begun.append(_resumed(item, known[item.row_id]))
            if known[item.row_id].start.coordinates != item.record.coordinates:
                adopted[item.row_id] = item.record.coordinates
    adopted |= await _meet_keys(transaction, begun, rules, now)
    adopted |= await _find_abandoned(transaction, begun)
    if adopted:
        await transaction.adopt(adopted)
    return begun


def _start(item: Item, now: datetime) -> Start:
    create = item.command if isinstance(item.command, CreateBooking) else None
    return Start(
        row_id=item.row_id,
        principal=dump_principal(item.asked.principal),
        command_id=item.asked.command_id,
        operation=item.raw.type,
        content_hash=item.raw.content_hash,
        coordinates=item.record.coordinates,
        origin=item.origin,
        sent=item.sent,
        decided=now,
        run=item.asked.run,
        booking_id=item.booking_id,
        booking_reference=create.booking_reference if create else None,
        reply_route=item.route.dumped() if item.route else None,
        key_id=item.key_id,
    )


async def _settle_references(transaction: LaneTransaction, items: Sequence[Item]) -> None:
    """Give every new create a reference that nobody else has; after a collision the next proposal.

    A known one has its own, which need not be the first proposal, or follow from what is asked now.
    """
    attempt = 0
    creates = {
        item.command.booking_id: (item, item.command)
        for item in items
        if isinstance(item.command, CreateBooking)
    }
    while creates:
        taken = await transaction.take_references(
            {booking_id: create.booking_reference for booking_id, (_, create) in creates.items()}
        )
        attempt += 1
        creates = {
            booking_id: (item, _with_reference(create, attempt))
            for booking_id, (item, create) in creates.items()
            if booking_id in taken
        }
        for item, create in creates.values():
            item.command = create


def _with_reference(create: CreateBooking, attempt: int) -> CreateBooking:
    reference = proposed_reference(create.booking_date, create.booking_id, attempt)
    return replace(create, booking_reference=reference)


def _refused(item: Item) -> Outcome | None:
    """The outcome of what is recorded without being run."""
    return Rejected(item.refusal) if item.refusal else None


async def _carried_on(
    transaction: LaneTransaction, items: Sequence[Item], known: Mapping[UUID, KnownCommand]
) -> Mapping[UUID, KnownCommand]:
    """The commands whose end came with another one's record, of those delivered again."""
    rows = [
        known[item.row_id].outcome
        for item in items
        if item.row_id in known and known[item.row_id].start.coordinates == item.record.coordinates
    ]
    named = [outcome.replayed_from for outcome in rows if outcome and outcome.replayed_from]
    return await transaction.find_commands(named) if named else {}


def _may_continue(
    item: Item, known: KnownCommand, carried: Mapping[UUID, KnownCommand], now: datetime
) -> bool:
    """Whether it was started and never ended; otherwise its outputs are added here."""
    if known.start.content_hash != item.raw.content_hash:
        reused = Refusal(
            Code.COMMAND_ID_REUSED, "This command id was used before, with other content."
        )
        _answer_unstored(item, item.refusal or reused, now)
        return False
    if (outcome := known.outcome) is None:
        return True
    if known.start.coordinates == item.record.coordinates:
        first = carried.get(outcome.replayed_from) if outcome.replayed_from else None
        if first is not None and first.start.coordinates == item.record.coordinates:
            item.outputs.extend(_published_for(first))
        if item.route and outcome.reply is not None:
            replayed = outcome.replayed_from is not None
            item.outputs.append(item.route.reply(outcome.reply.encode(), replayed=replayed))
        item.outputs.extend(load_events(outcome.events))
    elif known.start.origin != item.origin and item.route and outcome.reply is not None:
        item.outputs.append(item.route.reply(outcome.reply.encode(), replayed=True))
    return False


def _published_for(first: KnownCommand) -> list[Output]:
    """What a command that was carried on by another one's record gave, as it was published."""
    outputs: list[Output] = []
    if first.outcome is None:
        return outputs
    if first.start.reply_route is not None and first.outcome.reply is not None:
        route = ReplyRoute.loaded(first.start.reply_route)
        outputs.append(route.reply(first.outcome.reply.encode()))
    return [*outputs, *load_events(first.outcome.events)]


def _answer_unstored(item: Item, refusal: Refusal, now: datetime) -> None:
    """The id belongs to another content's outcome, so this one has no row of its own."""
    if item.route:
        body = refusal_body("command_id", item.asked.command_id, item.raw.type, now, refusal)
        item.outputs.append(item.route.reply(body))


def _resumed(item: Item, known: KnownCommand) -> Begun:
    """As it was first begun: stored principal, moment and reference; nothing is judged again."""
    asked = replace(
        item.asked, principal=load_principal(known.start.principal), run=known.start.run
    )
    item.asked = asked
    if item.command is not None:
        item.command = replace(item.command, asked=asked)
        if isinstance(item.command, CreateBooking) and known.start.booking_reference:
            item.command = replace(item.command, booking_reference=known.start.booking_reference)
    return Begun(item, known.start, known.journal, _refused(item))


async def _meet_keys(
    transaction: LaneTransaction, begun: list[Begun], rules: Rules, now: datetime
) -> dict[UUID, Coordinates]:
    """Take the idempotency keys; who finds one taken gets the first outcome, or a 409.

    Gives the commands that are carried on, with the coordinates of the record that does it.
    """
    carried: dict[UUID, Coordinates] = {}
    asking = {b.item.key_id: b for b in begun if b.item.key_id and b.decided is None}
    if asking:
        holders = await transaction.take_keys(
            [_key_claim(key_id, asking[key_id].item, rules, now) for key_id in sorted(asking)]
        )
        others = {
            key_id: holder
            for key_id, holder in holders.items()
            if holder.row_id != asking[key_id].item.row_id
        }
        first = await transaction.find_commands([holder.row_id for holder in others.values()])
        for key_id, holder in others.items():
            if _meet_holder(begun, asking[key_id], holder, first[holder.row_id]):
                carried[holder.row_id] = asking[key_id].item.record.coordinates
    for one in begun:
        deadline = one.item.deadline
        if one.decided is None and deadline is not None and one.start.decided > deadline:
            one.decided = Rejected(
                Refusal(Code.DEADLINE_PASSED, "The command was read after its deadline.")
            )
    return carried


def _key_claim(key_id: UUID, item: Item, rules: Rules, now: datetime) -> KeyClaim:
    expires_at = now + rules.idempotency_window
    return KeyClaim(key_id, item.row_id, item.raw.request_hash, now, expires_at)


def _meet_holder(begun: list[Begun], one: Begun, holder: KeyHolder, first: KnownCommand) -> bool:
    """The key is taken: by another request, or by the same one, whose outcome counts for both.

    Gives whether that one has to be carried on first; both are recorded in one transaction.
    """
    if holder.request_hash != one.item.raw.request_hash:
        one.decided = Rejected(
            Refusal(
                Code.IDEMPOTENCY_KEY_REUSED,
                "This idempotency key was used before, with another request.",
            )
        )
    elif first.outcome is not None:
        one.decided = Again(first.outcome, first.start.row_id)
    else:
        begun.insert(begun.index(one), _continued(one.item, first))
        one.decided = Follows(first.start.row_id)
        return True
    return False


def _continued(item: Item, first: KnownCommand) -> Begun:
    """The key's first command, whose worker died and whose record is gone, brought to its end."""
    asked = Asked(
        load_principal(first.start.principal),
        first.start.command_id,
        first.start.run,
        item.asked.idempotency_key,
    )
    command = build_command(
        replace(item.raw, command_id=asked.command_id), asked.principal, asked.run
    )
    route = ReplyRoute.loaded(first.start.reply_route) if first.start.reply_route else None
    stand_in = replace(
        item,
        asked=asked,
        command=None if isinstance(command, Refusal) else command,
        refusal=command if isinstance(command, Refusal) else None,
        route=route,
        deadline=None,
        outputs=item.outputs,  # its reply goes out before the asking command's own
    )
    return _resumed(stand_in, first)


async def _find_abandoned(
    transaction: LaneTransaction, begun: Sequence[Begun]
) -> dict[UUID, Coordinates]:
    """What the sweeper wants ended, unless it has ended already or will still be delivered.

    A lane goes through its records in order, so a command that lies before this record and is not
    ended now was skipped for ever. Gives those to be ended, with the coordinates of the record that
    does it.
    """
    ended: dict[UUID, Coordinates] = {}
    ending = [(b, b.item.command) for b in begun if isinstance(b.item.command, EndCommand)]
    if not ending:
        return ended
    rows = await transaction.find_commands([command.row_id for _, command in ending])
    for one, command in ending:
        row = rows.get(command.row_id)
        if ignored := _not_abandoned(row, one.item.record.coordinates):
            one.decided = ignored
        elif row is not None:
            one.decided = End(row, await _venue_of(transaction, row))
            ended[command.row_id] = one.item.record.coordinates
    return ended


def _not_abandoned(row: KnownCommand | None, here: Coordinates) -> Ignored | None:
    if row is None or row.outcome is not None:
        return Ignored("it has ended")
    at = row.start.coordinates
    if (at.topic, at.partition) != (here.topic, here.partition) or at.offset > here.offset:
        return Ignored("it will still be delivered")
    if row.start.operation in _SENT_AGAIN:
        return Ignored("the sweeper sends it again, and it goes on then")
    return None


async def _venue_of(transaction: LaneTransaction, row: KnownCommand) -> UUID | None:
    """From the booking, or for one that a create was about to make, from its calls."""
    if row.start.booking_id is None:
        return None
    found = await transaction.find_bookings([row.start.booking_id])
    if booking := found.get(row.start.booking_id):
        return booking.venue.id
    return next(
        (
            call.venue_id
            for call, _ in Journal(row.journal).begun()
            if isinstance(call, ReserveInventory)
        ),
        None,
    )
