"""Idempotency keys: who comes first has it, who comes again with the same gets its outcome."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Final
from uuid import UUID

from domain.commands import Asked
from domain.outcome import Rejected
from domain.refusal import Code, Refusal
from domain.rules import Rules
from handlers.begun import Again, Begun, Follows, resumed
from handlers.item import Item
from handlers.lost_rights import refuse_lost
from handlers.ports import (
    Coordinates,
    KeyClaim,
    KeyHolder,
    KnownCommand,
    LaneTransaction,
)
from handlers.routes import ReplyRoute
from schemas.building import build_command
from schemas.stored import load_principal

RETIRED: Final = Refusal(
    Code.OUTCOME_RETIRED,
    "This was decided so long ago that what was answered is no longer kept.",
)


async def meet_keys(
    transaction: LaneTransaction, begun: list[Begun], rules: Rules, now: datetime
) -> dict[UUID, Coordinates]:
    """Take the idempotency keys; who finds one taken gets the first outcome, or a 409.

    Gives the commands that are carried on, with the coordinates of the record that does it.
    """
    carried: dict[UUID, Coordinates] = {}
    asking = {b.item.key_id: b for b in begun if b.item.key_id and b.decided is None}
    if asking:
        holders = await transaction.take_keys(
            [_key_claim(key_id, one.item, rules, now) for key_id, one in asking.items()]
        )
        others = {
            key_id: holder
            for key_id, holder in holders.items()
            if holder.row_id != asking[key_id].item.row_id
        }
        first = await transaction.find_commands([holder.row_id for holder in others.values()])
        lost = await refuse_lost(
            transaction,
            [
                (asking[key_id].item, first[holder.row_id])
                for key_id, holder in others.items()
                if holder.request_hash == asking[key_id].item.raw.request_hash
                and holder.row_id in first
            ],
        )
        for key_id, holder in others.items():
            if refusal := lost.get(asking[key_id].item.row_id):
                asking[key_id].decided = Rejected(refusal)
            elif _meet_holder(begun, asking[key_id], holder, first.get(holder.row_id)):
                carried[holder.row_id] = asking[key_id].item.record.coordinates
    for one in begun:
        deadline = one.item.deadline
        if one.decided is None and deadline is not None and one.start.decided > deadline:
            one.decided = Rejected(
                Refusal(Code.DEADLINE_PASSED, "The command was read after its deadline.")
            )
    return carried


def _key_claim(key_id: UUID, item: Item, rules: Rules, now: datetime) -> KeyClaim:
    """Held from now on; but whom a repeat meets is asked as of when it was sent, or one that a
    backlog or an operator brings a day late would be done as if nobody had asked before.
    """
    expires_at = now + rules.idempotency_window
    return KeyClaim(key_id, item.row_id, item.raw.request_hash, item.sent, expires_at)


def _meet_holder(
    begun: list[Begun], one: Begun, holder: KeyHolder, first: KnownCommand | None
) -> bool:
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
    elif first is None:
        one.decided = Rejected(RETIRED)
    elif first.outcome is not None:
        one.decided = Again(first.outcome, first.start.row_id, first.key)
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
    command = build_command(item.raw, asked)
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
    return resumed(stand_in, first)
