"""What do we know already: tells new commands from repeated ones, and writes the start of the new.

Ids come before keys. A command with a recorded outcome is replayed (its record is below the mark of
its lane: nothing), redelivered (same coordinates: everything is published again, the earlier try
was aborted), a second copy of the same origin (nothing), or repeated (the reply alone). One that
was started and never ended is resumed. Of one that ended long ago only that is known: it is
refused, whatever it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from domain.commands import CreateBooking
from domain.limits import Limits
from domain.named_ids import named_id
from domain.refusal import Code, Refusal
from domain.rules import Rules
from handlers.abandoned import find_abandoned
from handlers.audit import refused_unstored, shown_again
from handlers.begun import Begun, refused, resumed
from handlers.ended import Ended
from handlers.item import Item
from handlers.keys import RETIRED, meet_keys
from handlers.limits import meet_limits
from handlers.lost_rights import refuse_lost
from handlers.outputs import load_outputs
from handlers.ports import (
    Coordinates,
    KnownCommand,
    LaneTransaction,
    Output,
    Start,
)
from handlers.references import settle_references
from handlers.routes import ReplyRoute
from handlers.sealing import KeyTopic, reply_of
from schemas.replies import refusal_body
from schemas.stored import dump_principal

_REUSED: Final = Refusal(
    Code.COMMAND_ID_REUSED, "This command id was used before, with other content."
)


async def recall(
    transaction: LaneTransaction,
    items: Sequence[Item],
    rules: Rules,
    limits: Limits,
    key_topic: KeyTopic,
    now: datetime,
) -> list[Begun]:
    """Begin what is new or unfinished; what is known gets its outputs at once.

    No two of `items` share an id, a key or a booking.
    """
    items = [item for item in items if item.record.partition not in transaction.lost]
    known = dict(await transaction.find_commands([item.row_id for item in items]))
    items = await _not_retired(transaction, items, known, now)
    again = [item for item in items if _is_put_back(item, known.get(item.row_id))] if known else []
    new = [item for item in items if item.row_id not in known] + again
    await settle_references(transaction, new)
    starts = {item.row_id: _start(item, now) for item in new}
    if again:
        await transaction.retire_ends(
            {item.row_id: _retired(known[item.row_id].start) for item in again}
        )
    written = await transaction.start(list(starts.values()))
    if overtaken := starts.keys() - written:  # by another lane, a moment ago
        known |= await transaction.find_commands(sorted(overtaken))
    repeats = [(each, known[each.row_id]) for each in items if each.row_id not in written]
    carried = await _carried_on(transaction, repeats)
    lost = await refuse_lost(transaction, [pair for pair in repeats if _is_repeat(*pair)])
    begun: list[Begun] = []
    new_ones: list[Begun] = []
    adopted: dict[UUID, Coordinates] = {}
    for item in items:
        if item.row_id in written:
            new_ones.append(Begun(item, starts[item.row_id], decided=refused(item)))
            begun.append(new_ones[-1])
        elif refusal := lost.get(item.row_id):
            _answer_unstored(item, refusal, now)
        elif _may_continue(item, known[item.row_id], carried, key_topic, now):
            begun.append(resumed(item, known[item.row_id]))
            if known[item.row_id].start.coordinates != item.record.coordinates:
                adopted[item.row_id] = item.record.coordinates
    adopted |= await meet_keys(transaction, begun, rules, now)
    adopted |= await find_abandoned(transaction, begun)
    if adopted:
        await transaction.adopt(adopted)
    await meet_limits(transaction, new_ones, limits, now)
    return begun


async def _not_retired(
    transaction: LaneTransaction,
    items: list[Item],
    known: Mapping[UUID, KnownCommand],
    now: datetime,
) -> list[Item]:
    """All but those that ended too long ago, which are answered here. Whether this is the very
    record that was done then, or a repeat, nobody knows any more.
    """
    unknown = [item.row_id for item in items if item.row_id not in known]
    retired = await transaction.find_retired(unknown)
    if not retired:
        return items
    for item in items:
        one = retired.get(item.row_id)
        if one is not None and not item.is_published:
            other = item.refusal or _REUSED
            _answer_unstored(item, RETIRED if one.is_of(item.raw.content_hash) else other, now)
    return [item for item in items if item.row_id not in retired]


def _is_repeat(item: Item, known: KnownCommand) -> bool:
    """The same command in another record, with an answer of its own."""
    return (
        known.start.content_hash == item.raw.content_hash
        and known.start.coordinates != item.record.coordinates
        and not item.is_published
    )


def _is_put_back(item: Item, known: KnownCommand | None) -> bool:
    """A dead letter that an operator put back: a new run of a command that ended in failure."""
    return (
        known is not None
        and known.gives_way_to(item.asked.run)
        and known.start.content_hash == item.raw.content_hash
    )


def _retired(start: Start) -> UUID:
    """Where the row of an earlier run stands; never asked for by a record."""
    return named_id(start.row_id, f"run/{start.run}")


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


async def _carried_on(
    transaction: LaneTransaction, repeats: Iterable[tuple[Item, KnownCommand]]
) -> Mapping[UUID, KnownCommand]:
    """The commands whose end came with another one's record, of those delivered again."""
    rows = [
        known.outcome
        for item, known in repeats
        if known.start.coordinates == item.record.coordinates
    ]
    named = [outcome.replayed_from for outcome in rows if outcome and outcome.replayed_from]
    return await transaction.find_commands(named) if named else {}


def _may_continue(
    item: Item,
    known: KnownCommand,
    carried: Mapping[UUID, KnownCommand],
    key_topic: KeyTopic,
    now: datetime,
) -> bool:
    """Whether it was started and never ended; otherwise its outputs are added here."""
    if item.is_published and (known.outcome or known.start.content_hash != item.raw.content_hash):
        return False
    if known.start.content_hash != item.raw.content_hash:
        _answer_unstored(item, item.refusal or _REUSED, now)
        return False
    if (outcome := known.outcome) is None:
        return True
    if known.start.coordinates == item.record.coordinates:
        first = carried.get(outcome.replayed_from) if outcome.replayed_from else None
        if first is not None and first.start.coordinates == item.record.coordinates:
            item.outputs.extend(_published_for(first, key_topic))
        replayed = outcome.replayed_from is not None
        item.ended = Ended.stored(outcome, replayed=replayed and item.route is not None)
        if item.route and (reply := _reply(known)) is not None:
            item.outputs.append(item.route.reply(reply, replayed=replayed))
        item.outputs.extend(load_outputs(outcome.events))
        if known.key is not None and outcome.replayed_from is None:
            item.outputs.append(key_topic.key(known.key))
    elif known.start.origin != item.origin and item.route and (reply := _reply(known)) is not None:
        item.outputs.append(item.route.reply(reply, replayed=True))
        item.note = shown_again(item, known)
        item.ended = Ended.stored(outcome, replayed=True)
    return False


def _reply(known: KnownCommand) -> bytes | None:
    if known.outcome is None:
        return None
    return reply_of(known.start.row_id, known.outcome, known.key)


def _published_for(first: KnownCommand, key_topic: KeyTopic) -> list[Output]:
    """What a command that was carried on by another one's record gave, as it was published."""
    outputs: list[Output] = []
    if first.outcome is None:
        return outputs
    if first.start.reply_route is not None and (reply := _reply(first)) is not None:
        outputs.append(ReplyRoute.loaded(first.start.reply_route).reply(reply))
    keys = [key_topic.key(first.key)] if first.key else []
    return [*outputs, *load_outputs(first.outcome.events), *keys]


def _answer_unstored(item: Item, refusal: Refusal, now: datetime) -> None:
    """The id's row belongs to the outcome of other content, or of other rights."""
    item.note = refused_unstored(item, refusal)
    item.ended = Ended.refused(refusal)
    if item.route:
        body = refusal_body("command_id", item.asked.command_id, item.raw.type, now, refusal)
        item.outputs.append(item.route.reply(body))
