"""What comes back of commands that ended long ago: nothing is done again, and nobody is misled."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from domain.effects import CreateIntent
from domain.reference import proposed_reference
from handlers.ports.retention import Day, Gone
from handlers.redrive import Past, State, standing_of
from handlers.replay import Candidate, Reader, Verdict
from tests.handlers.test_crashes import Scenario, scenarios
from tests.handlers.test_poison import nothing
from tests.handlers.test_put_back import condemned, send_back, the_letter
from tests.handlers.test_replay import judged
from tests.handlers.test_replays import assert_nothing_happens_again, what_stands
from tests.handlers.world import COMMANDS, STAFF, Crash, World

SOME_ID = UUID("00000000-0000-4000-8000-0000000000d1")


async def retire(world: World) -> None:
    """Days go by, and everything that has ended is retired."""
    world.later(days=25)
    gone = await world.database.retention.retire_commands(world.now, 10_000)
    assert gone.is_all


# --- commands that come again ---


@scenarios
async def test_a_replay_of_what_is_retired_changes_nothing(scenario: Scenario) -> None:
    world = World()
    await scenario(world)
    await world.settle()
    await retire(world)
    assert world.database.tables.retired
    await assert_nothing_happens_again(world)


async def test_a_repeat_of_a_retired_outcome_says_so(world: World) -> None:
    world.create(command_id=SOME_ID)
    await world.settle()
    await retire(world)
    before = what_stands(world)
    world.log.append(replace(world.log[0], offset=len(world.log)))
    await world.settle()
    first, again = world.replies_to(SOME_ID)
    assert (first.status, again.status, again.code) == (201, 409, "outcome_retired")
    assert not again.is_replayed
    after = what_stands(world)
    for table in ("bookings", "starts", "outcomes", "retired", "references", "claims", "calls"):
        assert after[table] == before[table], table


async def test_with_other_content_the_id_is_still_used(world: World) -> None:
    world.create(command_id=SOME_ID)
    await world.settle()
    await retire(world)
    world.create(command_id=SOME_ID, party_size=3, hour=700)
    world.create(command_id=SOME_ID, party_size=0)
    await world.settle()
    codes = [reply.code for reply in world.replies_to(SOME_ID)]
    assert codes == [None, "command_id_reused", "validation_failed"]
    assert len(world.bookings) == 1


async def test_a_retired_refusal_is_not_judged_anew(world: World) -> None:
    world.create(command_id=SOME_ID, party_size=0)
    await world.settle()
    await retire(world)
    world.log.append(replace(world.log[0], offset=len(world.log)))
    await world.settle()
    codes = [reply.code for reply in world.replies_to(SOME_ID)]
    assert codes == ["validation_failed", "outcome_retired"]


async def test_a_retired_create_keeps_the_reference_that_it_got(world: World) -> None:
    """Its first proposal was another booking's; nobody must propose one for it again."""
    world.create(command_id=SOME_ID)
    await world.settle()
    ((booking_id, booking),) = world.bookings.items()
    world = World()
    taken = proposed_reference(booking.booking_date, booking_id, 0)
    world.database.tables.references[taken] = uuid4()
    world.create(command_id=SOME_ID)
    await world.settle()
    await retire(world)
    world.log.append(replace(world.log[0], offset=len(world.log)))
    await world.settle()
    assert [reply.code for reply in world.replies_to(SOME_ID)] == [None, "outcome_retired"]


async def test_a_key_whose_command_is_retired_is_free_again(world: World) -> None:
    world.create(key="k")
    await world.settle()
    await retire(world)
    asked = world.create(key="k", hour=700)
    await world.settle()
    assert world.reply_to(asked).status == 201


async def test_a_key_that_outlived_its_command_is_met_with_a_no(world: World) -> None:
    """It should go with it; if it did not, nothing is done and nothing stops."""
    world.create(key="k")
    await world.settle()
    keys = dict(world.database.tables.keys)
    await retire(world)
    world.database.tables.keys.update(
        {id_: replace(key, expires_at=world.now + timedelta(days=1)) for id_, key in keys.items()}
    )
    asked = world.create(key="k")
    await world.settle()
    assert world.reply_to(asked).code == "outcome_retired"


async def test_what_was_only_begun_is_carried_on_after_any_time(world: World) -> None:
    asked = world.create()
    world.partners.on_call = _die_at_the_payment
    with pytest.raises(Crash):
        await world.deliver()
    world.partners.on_call = nothing
    await retire(world)
    assert not world.database.tables.retired
    await world.settle()
    assert len(world.replies_to(asked)) == 1


async def _die_at_the_payment(when: str, call: object) -> None:
    if isinstance(call, CreateIntent) and when == "before":
        raise Crash(when)


# --- operators ---


async def test_a_replay_leaves_what_is_retired(world: World) -> None:
    world.create()
    await world.settle()
    (one,) = judged(world)
    assert one.verdict is Verdict.ENDED
    assert isinstance(one.candidate, Candidate)
    reader = Reader(world.handlers.intake.authenticator, world.signer, {})
    assert reader.judge(one.candidate, None, is_retired=True).verdict is Verdict.RETIRED


async def test_a_letter_whose_command_is_retired_is_not_put_back(world: World) -> None:
    asked = await condemned(world)
    letter = the_letter(world)
    await retire(world)
    standing = standing_of(letter, Past(is_retired=True), COMMANDS)
    assert standing.state is State.FINAL
    send_back(world, letter)
    await world.settle()
    assert [reply.code for reply in world.replies_to(asked)] == [
        "internal_error",
        "outcome_retired",
    ]
    assert not world.bookings


# --- bookings that are gone ---


async def test_a_retired_booking_is_found_no_more_and_its_events_are_whole(world: World) -> None:
    booking = await world.booked()
    world.cancel(booking)
    await world.settle()
    world.later(days=25)
    gone, _ = await world.database.retention.retire_bookings(world.now, Day(), 100)
    assert gone == Gone(1, is_all=True)
    late = world.cancel(booking)
    await world.settle()
    assert world.reply_to(late).code == "booking_not_found"
    read = await world.ask("get_booking", {"booking_id": booking["id"]}, by=STAFF)
    assert read.code == "booking_not_found"
    assert [event["payload"]["booking_version"] for event in world.events] == [1, 2, 2]
