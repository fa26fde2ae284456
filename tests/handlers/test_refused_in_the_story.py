"""What turns out not to be valid or allowed once the booking is known takes no key either."""

from __future__ import annotations

from typing import Any

from tests.handlers.world import GUEST, STAFF, World


async def _paid_at_the_venue(world: World) -> dict[str, Any]:
    confirmed = world.move(await world.booked(), "confirmed", by=STAFF, payment="at_venue")
    await world.deliver()
    return world.reply_to(confirmed).booking


async def test_a_corrected_refund_may_come_with_the_same_key(world: World) -> None:
    booking = await world.booked()
    too_much = world.cancel(booking, by=STAFF, key="k", refund_amount="999.00")
    corrected = world.cancel(booking, by=STAFF, key="k", refund_amount="0.00")
    await world.deliver()
    assert world.reply_to(too_much).code == "validation_failed"
    assert world.reply_to(corrected).status == 200


async def test_a_corrected_slot_may_come_with_the_same_key(world: World) -> None:
    booking = await world.booked()
    backwards = world.update(booking, key="k", end_time="2026-06-01T00:00:00Z")
    corrected = world.update(booking, key="k", duration_minutes=90)
    await world.deliver()
    assert world.reply_to(backwards).code == "validation_failed"
    assert world.reply_to(corrected).status == 200


async def test_what_only_the_venue_may_do_after_check_in_takes_no_key(world: World) -> None:
    booking = await _paid_at_the_venue(world)
    world.later(hours=23)
    world.move(booking, "checked_in", by=STAFF)
    first = world.cancel(booking, by=GUEST, key="k")
    await world.deliver()
    again = world.cancel(booking, by=GUEST, key="k", reason="please")
    await world.deliver()
    assert [world.reply_to(one).code for one in (first, again)] == ["forbidden", "forbidden"]
