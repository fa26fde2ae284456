"""What do we know already: tells new commands from repeated ones, and writes the start of the new.

Ids come before keys. A command with a recorded outcome is redelivered (same coordinates: everything
is published again, the earlier try was aborted), a second copy of the same origin (nothing), or
repeated (the reply alone). One that was started and never ended is resumed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
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
    Start,
    StoredOutcome,
)
from handlers.routes import ReplyRoute
from schemas.building import build_command
from schemas.replies import refusal_body
from schemas.stored import dump_principal, load_principal


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


@dataclass(eq=False, slots=True)
class Begun:
    """A command whose start is written; `decided` already when nothing has to be run for it."""

    item: Item
    start: Start
    journal: tuple[str, ...] = ()
    decided: Outcome | Again | End | None = None


@dataclass(slots=True)
class Recalled:
    """The commands of a wave that have to be brought to an end."""

    begun: list[Begun] = field(default_factory=list)
    later: list[Item] = field(default_factory=list)  # to be begun after what stands in `begun`


async def recall(
    transaction: LaneTransaction, items: Sequence[Item], rules: Rules, now: datetime
) -> Recalled:
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
    recalled = Recalled()
    adopted: dict[UUID, Coordinates] = {}
    for item in items:
        if item.row_id in written:
            recalled.begun.append(Begun(item, starts[item.row_id], decided=_refused(item)))
        elif _may_continue(item, known[item.row_id], now):
            recalled.begun.append(_resumed(item, known[item.row_id]))
            if known[item.row_id].start.coordinates != item.record.coordinates:
                adopted[item.row_id] = item.record.coordinates
    if adopted:
        await transaction.adopt(adopted)
    await _meet_keys(transaction, recalled, rules, now)
    await _find_abandoned(transaction, recalled.begun)
    return recalled


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


def _may_continue(item: Item, known: KnownCommand, now: datetime) -> bool:
    """Whether it was started and never ended; otherwise its outputs are added here."""
    if known.start.content_hash != item.raw.content_hash:
        reused = Refusal(
            Code.COMMAND_ID_REUSED, "This command id was used before, with other content."
        )
        _answer_unstored(item, item.refusal or reused, now)
        return False
    if known.outcome is None:
        return True
    if known.start.coordinates == item.record.coordinates:
        if item.route and known.outcome.reply is not None:
            replayed = known.outcome.replayed_from is not None
            item.outputs.append(item.route.reply(known.outcome.reply.encode(), replayed=replayed))
        item.outputs.extend(load_events(known.outcome.events))
    elif known.start.origin != item.origin and item.route and known.outcome.reply is not None:
        item.outputs.append(item.route.reply(known.outcome.reply.encode(), replayed=True))
    return False


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
    transaction: LaneTransaction, recalled: Recalled, rules: Rules, now: datetime
) -> None:
    """Take the idempotency keys; who finds one taken gets the first outcome, or a 409."""
    asking = {b.item.key_id: b for b in recalled.begun if b.item.key_id and b.decided is None}
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
            _meet_holder(recalled, asking[key_id], holder, first[holder.row_id])
    for begun in recalled.begun:
        deadline = begun.item.deadline
        if begun.decided is None and deadline is not None and begun.start.decided > deadline:
            begun.decided = Rejected(
                Refusal(Code.DEADLINE_PASSED, "The command was read after its deadline.")
            )


def _key_claim(key_id: UUID, item: Item, rules: Rules, now: datetime) -> KeyClaim:
    expires_at = now + rules.idempotency_window
    return KeyClaim(key_id, item.row_id, item.raw.request_hash, now, expires_at)


def _meet_holder(recalled: Recalled, begun: Begun, holder: KeyHolder, first: KnownCommand) -> None:
    """The key is taken: by another request, or by the same one, whose outcome counts for both."""
    if holder.request_hash != begun.item.raw.request_hash:
        begun.decided = Rejected(
            Refusal(
                Code.IDEMPOTENCY_KEY_REUSED,
                "This idempotency key was used before, with another request.",
            )
        )
    elif first.outcome is not None:
        begun.decided = Again(first.outcome, first.start.row_id)
    else:
        recalled.begun.remove(begun)
        recalled.begun.append(_continued(begun.item, first))
        recalled.later.append(begun.item)


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


async def _find_abandoned(transaction: LaneTransaction, begun: Sequence[Begun]) -> None:
    """What the sweeper wants ended, unless it has ended already or will still be delivered.

    A lane goes through its records in order, so a command that lies before this record and is not
    ended now was skipped for ever.
    """
    ending = [(b, b.item.command) for b in begun if isinstance(b.item.command, EndCommand)]
    if not ending:
        return
    rows = await transaction.find_commands([command.row_id for _, command in ending])
    for one, command in ending:
        here = one.item.record
        row = rows.get(command.row_id)
        if row is None or row.outcome is not None:
            one.decided = Ignored("it has ended")
        elif (row.start.coordinates.topic, row.start.coordinates.partition) != (
            here.topic,
            here.partition,
        ) or row.start.coordinates.offset > here.offset:
            one.decided = Ignored("it will still be delivered")
        else:
            one.decided = End(row, await _venue_of(transaction, row))


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
