"""Which commands of a batch may run side by side, and which have to wait for an earlier one.

A wave is recorded in one transaction; a later wave sees what an earlier one did. A command waits
for an earlier one with the same id, idempotency key or booking, and, when it wants a slot, for an
earlier one that may free an overlapping slot at the venue. Creates do not wait for each other:
their claims are granted in log order by the round runner.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from domain.time_slot import TimeSlot

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class AtVenue:
    """A slot at a venue; None stands for any slot there."""

    venue_id: UUID
    slot: TimeSlot | None

    def may_overlap(self, other: AtVenue) -> bool:
        if self.venue_id != other.venue_id:
            return False
        return self.slot is None or other.slot is None or self.slot.overlaps(other.slot)


@dataclass(frozen=True, slots=True)
class Needs:
    """What a command shares with others of its batch."""

    one_at_a_time: frozenset[Hashable]  # ids, keys, bookings
    wants: AtVenue | None = None  # the slot it may claim
    frees: AtVenue | None = None  # the slot it may give up
    barrier: bool = False  # nothing beside it, nothing of later before it


def waves(commands: Iterable[tuple[T, Needs]]) -> Sequence[Sequence[T]]:
    """The commands in groups to be done one group after another, each in its given order."""
    planned: list[list[T]] = []
    last: dict[Hashable, int] = {}
    freed: defaultdict[UUID, list[tuple[AtVenue, int]]] = defaultdict(list)
    floor = 0
    for command, needs in commands:
        wave = floor
        for shared in needs.one_at_a_time:
            wave = max(wave, last.get(shared, -1) + 1)
        if needs.wants is not None:
            for slot, at in freed[needs.wants.venue_id]:
                if at >= wave and slot.may_overlap(needs.wants):
                    wave = at + 1
        if needs.barrier:
            wave = max(wave, len(planned))
            floor = wave + 1
        for shared in needs.one_at_a_time:
            last[shared] = wave
        if needs.frees is not None:
            freed[needs.frees.venue_id].append((needs.frees, wave))
        while len(planned) <= wave:
            planned.append([])
        planned[wave].append(command)
    return [wave for wave in planned if wave]
