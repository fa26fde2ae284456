"""No two bookings hold one unit at one time, whichever way their claims come."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from domain.effects import Claimed, ClaimSlot, FindConflicts, SlotTaken, TakenSlot
from domain.lifecycle import Status
from domain.outcome import Claims
from handlers.ports import BookingWrite, PromiseBroken
from tests.adapters.database.lane import Lane, a_claim, a_recording, another_booking, record
from tests.builders import TOMORROW, VENUE_ID, a_slot

HOUR = timedelta(hours=1)
NOON = a_slot(TOMORROW, 120)
LATER = a_slot(TOMORROW + HOUR, 120)
AFTER = a_slot(TOMORROW + 2 * HOUR, 120)


@pytest.mark.parametrize(
    ("item", "slot", "is_free"),
    [
        ("table-4", NOON, False),
        ("table-4", LATER, False),
        ("table-4", AFTER, True),  # touching
        ("table-4", a_slot(TOMORROW - HOUR, 60), True),
        ("table-4", a_slot(TOMORROW - HOUR, 61), False),
        ("table-4", a_slot(TOMORROW - HOUR, 600), False),
        ("table-4", a_slot(TOMORROW + HOUR, 10), False),
        ("table-5", NOON, True),
        ("table-40", NOON, True),
        ("table-", NOON, True),
        ("TABLE-4", NOON, True),
        ("", NOON, True),
        (None, NOON, False),
        (None, LATER, False),
        (None, AFTER, True),
    ],
)
async def test_beside_a_table_that_is_taken(
    lane: Lane, item: str | None, slot: object, is_free: bool
) -> None:
    assert await lane.claimed(a_claim(item="table-4", slot=NOON)) == [True]
    assert await lane.claimed(a_claim(item=item, slot=slot)) == [is_free]


@pytest.mark.parametrize("item", ["table-4", "", None])
async def test_a_whole_venue_that_is_taken_leaves_no_item(lane: Lane, item: str | None) -> None:
    assert await lane.claimed(a_claim(item=None)) == [True]
    assert await lane.claimed(a_claim(item=item)) == [False]
    assert await lane.claimed(a_claim(item=item, slot=AFTER)) == [True]


async def test_another_venue_is_another_matter(lane: Lane) -> None:
    assert await lane.claimed(a_claim(), a_claim(venue_id=uuid4())) == [True, True]


async def test_the_earlier_of_a_sequence_wins(lane: Lane) -> None:
    claims = [
        a_claim(slot=NOON),
        a_claim(slot=LATER),  # loses to the first
        a_claim(slot=AFTER),  # and so does not stand in the way of this one
        a_claim(item=None, slot=AFTER),
        a_claim(item="table-5", slot=LATER),
    ]
    assert await lane.claimed(*claims) == [True, False, True, False, True]


async def test_a_claim_that_was_lost_names_what_stands_in_the_way(lane: Lane) -> None:
    await lane.claimed(a_claim(slot=AFTER), a_claim(item="table-5"), a_claim(slot=NOON))
    answer = await lane.claim(a_claim(slot=LATER))
    assert answer == SlotTaken((TakenSlot(NOON, "table-4"), TakenSlot(AFTER, "table-4")))


async def test_the_same_claim_again_is_claimed(lane: Lane) -> None:
    claim = a_claim()
    assert await lane.claimed(claim) == [True]
    assert await lane.claimed(a_claim(), claim, a_claim()) == [False, True, False]


async def test_a_question_shows_what_overlaps_earliest_first(lane: Lane) -> None:
    await lane.claimed(a_claim(slot=AFTER), a_claim(item="table-5"), a_claim(slot=NOON))
    questions = [
        FindConflicts(VENUE_ID, "table-4", LATER),
        FindConflicts(uuid4(), "table-4", LATER),
        FindConflicts(VENUE_ID, None, NOON),
    ]
    expected = [
        (TakenSlot(NOON, "table-4"), TakenSlot(AFTER, "table-4")),
        (),
    ]
    found = await lane.database.reads.conflicts(questions)
    assert found[:2] == expected
    assert {taken.item for taken in found[2]} == {"table-4", "table-5"}


async def test_a_question_shows_no_more_than_a_hundred(lane: Lane) -> None:
    await lane.claimed(*(a_claim(item=f"table-{number}") for number in range(101)))
    (found,) = await lane.database.reads.conflicts([FindConflicts(VENUE_ID, None, NOON)])
    assert len(found) == 100


# --- a booking that holds something already ---


def extended(claim: ClaimSlot, **fields: object) -> ClaimSlot:
    """A further claim of the same booking."""
    return replace(claim, claim_id=uuid4(), extends=True, **fields)  # type: ignore[arg-type]


async def test_a_booking_moves_by_an_hour(lane: Lane) -> None:
    held = a_claim(slot=NOON)
    assert await lane.claimed(held, extended(held, slot=LATER)) == [True, True]
    assert await lane.claimed(a_claim(slot=a_slot(TOMORROW + 2 * HOUR, 60))) == [False]
    assert await lane.claimed(a_claim(slot=a_slot(TOMORROW + 3 * HOUR, 60))) == [True]


async def test_a_booking_that_does_not_extend_conflicts_with_itself(lane: Lane) -> None:
    held = a_claim(slot=NOON)
    await lane.claimed(held)
    answer = await lane.claim(replace(held, claim_id=uuid4(), slot=LATER))
    assert answer == SlotTaken((TakenSlot(NOON, "table-4"),))


async def test_a_booking_does_not_move_onto_another(lane: Lane) -> None:
    held = a_claim(slot=NOON)
    await lane.claimed(held, a_claim(slot=AFTER))
    assert await lane.claim(extended(held, slot=LATER)) == SlotTaken((TakenSlot(AFTER, "table-4"),))
    assert await lane.claimed(a_claim(slot=a_slot(TOMORROW - HOUR, 60))) == [True]


async def test_a_table_grows_to_the_whole_venue(lane: Lane) -> None:
    held = a_claim()
    assert await lane.claimed(held, extended(held, item=None)) == [True, True]
    others = [a_claim(item=item) for item in ("table-3", "table-4", "table-5", "", None)]
    assert await lane.claimed(*others) == [False] * 5


@pytest.mark.parametrize("neighbour", ["table-3", "table-5"])
async def test_a_table_does_not_grow_over_a_neighbour(lane: Lane, neighbour: str) -> None:
    held = a_claim()
    await lane.claimed(held, a_claim(item=neighbour))
    answer = await lane.claim(extended(held, item=None))
    assert answer == SlotTaken((TakenSlot(NOON, neighbour),))
    # Nothing of it was taken, on either side of the neighbour.
    assert await lane.claimed(a_claim(item="table-1"), a_claim(item="table-9")) == [True, True]


async def test_a_whole_venue_shrinks_to_a_table(lane: Lane) -> None:
    held = a_claim(item=None, slot=NOON)
    assert await lane.claimed(held, extended(held, item="table-4", slot=LATER)) == [True, True]
    between = a_slot(TOMORROW + 2 * HOUR, 60)
    assert await lane.claimed(
        a_claim(item="table-4", slot=between), a_claim(item="table-5", slot=between)
    ) == [False, True]


async def test_nobody_loses_to_a_claim_that_got_only_a_part(lane: Lane) -> None:
    """It takes what lies below its table and fails above: the next in the sequence gets that."""
    held = a_claim()
    await lane.claimed(held, a_claim(item="table-5"))
    broken = extended(held, item=None)
    assert await lane.claimed(broken, a_claim(item="table-1"), a_claim(item=None)) == [
        False,
        True,
        False,
    ]


async def test_an_extension_again_is_claimed(lane: Lane) -> None:
    held = a_claim()
    wider = extended(held, item=None, slot=LATER)
    assert await lane.claimed(held, wider) == [True, True]
    assert await lane.claimed(wider) == [True]
    assert await lane.claimed(a_claim(item="table-9", slot=LATER)) == [False]


# --- what an outcome does to them ---


async def test_a_booking_that_ends_frees_its_claims(lane: Lane) -> None:
    booking = another_booking()
    held = a_claim(booking_id=booking.id)
    await lane.claimed(held, extended(held, item=None))
    await lane.recorded(booking, write=BookingWrite(booking, None, Claims.FREE, None))
    assert await lane.claimed(a_claim(item=None)) == [True]


async def test_keeping_changes_nothing(lane: Lane) -> None:
    booking = another_booking()
    await lane.claimed(a_claim(booking_id=booking.id))
    await lane.recorded(booking)
    assert await lane.claimed(a_claim()) == [False]


async def test_one_claim_takes_the_place_of_all_parts(lane: Lane) -> None:
    booking = another_booking(slot=LATER)
    held = a_claim(booking_id=booking.id, slot=NOON)
    wider = extended(held, item=None, slot=LATER)
    await lane.claimed(held, wider)
    await lane.recorded(booking, write=BookingWrite(booking, None, Claims.REPLACE, wider.claim_id))
    assert await lane.claimed(
        a_claim(slot=a_slot(TOMORROW, 60)), a_claim(item="table-5", slot=LATER), a_claim(slot=LATER)
    ) == [True, True, False]


async def test_replacing_by_no_claim_frees_them(lane: Lane) -> None:
    booking = another_booking()
    await lane.claimed(a_claim(booking_id=booking.id))
    await lane.recorded(booking, write=BookingWrite(booking, None, Claims.REPLACE, None))
    assert await lane.claimed(a_claim()) == [True]


async def test_two_bookings_of_one_wave_may_change_places(lane: Lane) -> None:
    one, two = another_booking(slot=AFTER), another_booking(slot=NOON)
    await lane.claimed(
        a_claim(booking_id=one.id, slot=NOON), a_claim(booking_id=two.id, slot=AFTER)
    )
    recordings = [
        a_recording(
            await lane.started(), write=BookingWrite(booking, None, Claims.REPLACE, uuid4())
        )
        for booking in (one, two)
    ]
    async with lane.transaction() as transaction:
        await record(transaction, recordings)
    assert await lane.claimed(a_claim(slot=NOON), a_claim(slot=AFTER)) == [False, False]


async def test_a_final_claim_on_what_another_holds_is_a_broken_promise(lane: Lane) -> None:
    await lane.claimed(a_claim())
    booking = another_booking()
    with pytest.raises(PromiseBroken, match=str(booking.id)):
        await lane.recorded(booking, write=BookingWrite(booking, None, Claims.REPLACE, uuid4()))


async def test_a_rejected_command_drops_what_it_added_and_no_more(lane: Lane) -> None:
    held = a_claim()
    await lane.claimed(held)
    start = await lane.started()
    wider = extended(held, slot=LATER)
    assert await lane.claim(wider, start.row_id) == Claimed(wider.claim_id)
    async with lane.transaction() as transaction:
        await record(transaction, [a_recording(start, drop_claims=True)])
    assert await lane.claimed(a_claim(slot=AFTER), a_claim(slot=NOON)) == [True, False]


async def test_a_pending_booking_frees_its_slot_when_it_expires(lane: Lane) -> None:
    booking = another_booking()
    await lane.claimed(a_claim(booking_id=booking.id))
    await lane.recorded(booking)
    expired = replace(booking, version=2, status=Status.EXPIRED)
    await lane.recorded(expired, write=BookingWrite(expired, None, Claims.FREE, None))
    assert await lane.claimed(a_claim()) == [True]
