"""What is logged by accident shows ids and no more: no value says what is personal or secret."""

from __future__ import annotations

from tests.handlers.test_erasure import PERSON
from tests.handlers.world import STAFF, World

MARKS = (*PERSON.values(), "pm-canary", "the-key-of-ada", "is-ada", "ada-is-ill", "secret")


async def test_no_repr_of_what_a_command_passes_through_shows_anything_personal() -> None:
    world = World()
    world.create(**PERSON, payment_method_id="pm-canary", key="the-key-of-ada")
    await world.settle()
    booking = world.replies[-1].booking
    world.update(booking, internal_notes="is-ada", guest_name="Ada Lovelace", by=STAFF)
    await world.settle()
    world.cancel(booking, reason="ada-is-ill")
    await world.settle()
    items = world.handlers.intake.read(world.log)
    shown = repr(
        [
            items,
            [getattr(item, "command", None) for item in items],
            [getattr(item, "raw", None) for item in items],
            list(world.bookings.values()),
            list(world.database.tables.history.values()),
            [call for effect in world.partners.ledger for call in (effect.call,)],
            world.log,
            [(o.topic, repr(o)) for o in world.published if o.topic != "booking.commands"],
        ]
    )
    assert "booking.commands" in shown
    assert [mark for mark in MARKS if mark in shown.replace("client_secret", "")] == []
