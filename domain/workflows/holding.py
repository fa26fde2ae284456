"""Taking a unit: the reservation at inventory, and the claim on what it gave."""

from __future__ import annotations

from domain.booking import Hold
from domain.commands import Asked
from domain.effects import ClaimSlot, Full, PartnerUnavailable, ReserveInventory, SlotTaken
from domain.effects import Reservation as Reserved
from domain.outcome import Rejected
from domain.policies.partners import inventory_away, no_capacity, slot_unavailable
from domain.rules import ConflictScope
from domain.time_slot import TimeSlot
from domain.values import dataclass
from domain.workflow import Step, ask
from domain.workflows.give_back import release_reserved


@dataclass(frozen=True, slots=True)
class Held:
    """What was reserved; `is_moved` when inventory gave another item than the one asked for."""

    reservation: Reserved
    hold: Hold
    is_moved: bool


def hold_unit(
    asked: Asked,
    reserve: ReserveInventory,
    slot: TimeSlot,
    scope: ConflictScope,
    *,
    extends: bool,
) -> Step[Held | Rejected]:
    """Reserve, and claim what inventory gave; a claim on `reserve.item` stands already.

    A lost claim releases the reservation within the command.
    """
    answer = yield from ask(reserve)
    if isinstance(answer, Full):
        return Rejected(no_capacity(answer.reason))
    if isinstance(answer, PartnerUnavailable):
        owed = yield from release_reserved(reserve, answer, is_only=not extends)
        return Rejected(inventory_away(), owed)
    hold = Hold(answer.reservation_id, answer.item or reserve.item)
    is_moved = reserve.item is not None and hold.item != reserve.item
    if scope is ConflictScope.UNIT and (reserve.item is None or is_moved):
        claim = ClaimSlot(
            claim_id=asked.derived("claim/given"),
            booking_id=reserve.booking_id,
            venue_id=reserve.venue_id,
            item=hold.item,
            slot=slot,
            extends=extends or is_moved,
        )
        claimed = yield from ask(claim)
        if isinstance(claimed, SlotTaken):
            owed = yield from release_reserved(reserve, answer, is_only=not extends)
            return Rejected(slot_unavailable(claimed), owed)
    return Held(answer, hold, is_moved)
