"""Dead letters that are put back: as the next run, under who stood behind them, in their order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple
from uuid import UUID

import pytest

from domain.effects import CreateIntent, PartnerCall, ReserveInventory
from handlers.condemned import TRIES
from handlers.dead_letter import Reason
from handlers.outputs import dump_outputs, load_outputs
from handlers.ports import KnownCommand, Later, Output, Record
from handlers.redrive import (
    Letter,
    Past,
    Standing,
    State,
    choose,
    next_run,
    put_back,
    read_letter,
    standing_of,
    with_later_runs,
)
from tests.handlers.invariants import assert_nothing_is_held_for_nobody, assert_sound
from tests.handlers.test_poison import deadly, letters, nothing, told, tried_alone
from tests.handlers.world import ADMIN, COMMANDS, GUEST, NOW, Crash, World, bearer


async def condemned(world: World, **fields: Any) -> UUID:
    """A create that killed everybody, set aside, with what it had begun given back."""
    asked = world.create(**fields)
    deadly(world, ReserveInventory)
    await tried_alone(world, TRIES)
    await world.deliver(at_most=1, alone=True)
    world.partners.on_call = nothing
    await given_back(world)
    return asked


async def given_back(world: World) -> None:
    world.later(seconds=1)
    await world.sweep()
    await world.settle()


def as_letter(world: World, letter: Output, *, offset: int = 0) -> Letter:
    record = Record(letter.topic, 0, offset, 1, letter.key, letter.value, letter.headers)
    return world.read_letter(record)


def the_letter(world: World) -> Letter:
    return as_letter(world, letters(world)[-1])


def send_back(world: World, letter: Letter, *, partition: int = 0) -> None:
    tables = world.database.tables
    start = tables.starts.get(letter.row_id) if letter.row_id else None
    known = KnownCommand(start, tables.outcomes.get(start.row_id), ()) if start else None
    output = put_back(letter, COMMANDS, partition, world.signer, next_run(letter, known))
    world.send_bytes(output.value, partition=partition, headers=output.headers)


async def test_a_put_back_create_is_done_as_if_it_had_never_failed(world: World) -> None:
    asked = await condemned(world, key="k", inventory_item_id="table-1")
    send_back(world, the_letter(world))
    await world.settle()
    failed, done = world.replies_to(asked)
    assert (failed.status, done.status) == (500, 201)
    assert done.booking["idempotency_key"] == "k"
    again = world.create(key="k", inventory_item_id="table-1")
    await world.settle()
    assert world.reply_to(again).is_replayed
    assert world.reply_to(again).output.value == done.output.value
    assert_sound(world, again)


async def test_its_token_may_have_expired_long_ago(world: World) -> None:
    token = bearer(GUEST, NOW.replace(second=30))
    asked = await condemned(world, token=token)
    world.later(hours=1)
    send_back(world, the_letter(world))
    await world.settle()
    assert world.replies_to(asked)[-1].status == 201


async def test_put_back_twice_it_is_done_once(world: World) -> None:
    asked = await condemned(world)
    for _ in range(2):
        send_back(world, the_letter(world))
    await world.settle()
    assert [reply.status for reply in world.replies_to(asked)] == [500, 201]
    assert world.event_types == ["booking.created"]


async def test_what_fails_again_can_be_put_back_again(world: World) -> None:
    asked = await condemned(world)
    first = the_letter(world)
    deadly(world, ReserveInventory)
    send_back(world, first)
    await tried_alone(world, TRIES)
    await world.deliver(at_most=1, alone=True)
    world.partners.on_call = nothing
    await given_back(world)
    second = the_letter(world)
    assert second.signed is not None
    assert (second.signed.run, second.origin) == (1, first.origin)
    # Also where a rebuilt database knows nothing of either: the first run's next was used up.
    states = [standing_of(e, Past(), COMMANDS).state for e in with_later_runs([second, first])]
    assert states == [State.OPEN, State.PUT_BACK]
    send_back(world, second)
    await world.settle()
    assert [reply.status for reply in world.replies_to(asked)] == [500, 500, 201]


async def test_the_story_of_the_failed_run_stays(world: World) -> None:
    asked = await condemned(world)
    send_back(world, the_letter(world))
    await world.settle()
    tables = world.database.tables
    ends = sorted(
        (start.run, tables.outcomes[row_id].status)
        for row_id, start in tables.starts.items()
        if start.command_id == asked
    )
    assert ends == [(0, 500), (1, 201)]


async def test_a_command_of_a_strange_partition_keeps_its_run_on_the_way_home(
    world: World,
) -> None:
    asked = await condemned(world)
    send_back(world, the_letter(world), partition=2)
    await world.settle()
    assert world.replies_to(asked)[-1].status == 201


async def test_only_a_failed_command_begins_anew(world: World) -> None:
    """Whoever puts back the letter of what has succeeded since changes nothing."""
    asked = world.create()
    await world.settle()
    record = world.log[0]
    headers = world.signer.letter_headers(record, record.coordinates, GUEST, 0)
    send_back(world, as_letter(world, Output("t", None, record.value or b"", headers)))
    await world.settle()
    assert [reply.status for reply in world.replies_to(asked)] == [201]
    assert world.event_types == ["booking.created"]


async def test_a_letter_in_the_commands_topic_is_nobodys_command(world: World) -> None:
    """Its signature is for letters alone: copying it there is no way round the token."""
    await condemned(world)
    (letter,) = letters(world)
    record = world.send_bytes(world.opened(letter), headers=letter.headers)
    assert world.signer.verified(record) is None
    assert the_letter(world).signed is not None
    forged = replace(the_letter(world).record, value=b"{}")
    assert world.read_letter(forged).signed is None


async def test_a_lost_publication_does_not_lose_the_letter(world: World) -> None:
    world.create()
    deadly(world, ReserveInventory)
    await tried_alone(world, TRIES)
    lost = await world.deliver(at_most=1, alone=True, abort=True)
    assert letters(world) == []
    await world.deliver(at_most=1, alone=True)
    assert letters(world) == [o for o in lost[0] if o.topic == "booking.dead-letter"]


async def test_a_commands_own_bug_is_dead_lettered_too(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def buggy(*_: object) -> Any:
        raise ZeroDivisionError("with somebody's name in it")

    with monkeypatch.context() as patch:
        patch.setattr("handlers.commands.workflow_for", buggy)
        asked = world.create()
        await world.settle()
    (letter,) = letters(world)
    assert told(letter)["dlq_reason"] == Reason.BUG
    assert told(letter)["dlq_detail"] == "raised ZeroDivisionError"
    send_back(world, the_letter(world))
    await world.settle()
    assert [reply.status for reply in world.replies_to(asked)] == [500, 201]


async def test_who_sent_what_a_newer_version_may_read_stands_in_its_letter(world: World) -> None:
    world.send("from_the_future", {})
    world.send("from_the_future", {}, by=None)
    await world.settle()
    known, unknown = (as_letter(world, each) for each in letters(world))
    assert known.signed is not None
    assert known.signed.principal == GUEST
    assert unknown.signed is None


def test_stored_outputs_keep_bytes_that_are_no_text() -> None:
    letter = Output("t", b"\xff", b"\x00\xfe", (("n", b"\xc3\x28"), ("m", b"text")))
    assert load_outputs(dump_outputs([letter])) == [letter]


# --- which may go, and in what order ---


async def standings(world: World, past: Past) -> Standing:
    return standing_of(the_letter(world), past, COMMANDS)


async def known(world: World) -> KnownCommand:
    row_id = the_letter(world).row_id
    assert row_id is not None
    tables = world.database.tables
    return KnownCommand(tables.starts[row_id], tables.outcomes.get(row_id), ())


async def test_it_waits_for_what_it_owes(world: World) -> None:
    await condemned(world)
    row = await known(world)
    assert (await standings(world, Past(row, open_undo=1))).state is State.WAITS
    assert (await standings(world, Past(row))).state is State.OPEN
    assert (await standings(world, Past(None))).state is State.OPEN  # a rebuilt database


async def test_it_says_whom_it_would_jump_over(world: World) -> None:
    booking = await world.booked()
    asked = world.cancel(booking)
    world.partners.on_call = _die
    await tried_alone(world, TRIES)
    await world.deliver(at_most=1, alone=True)
    assert world.reply_to(asked).status == 500
    row = await known(world)
    ours, another = UUID(booking["id"]), UUID(int=4)
    neighbours = Past(row, later=[Later(another, "create_booking")])
    overtaken = Past(row, later=[Later(another, "create_booking"), Later(ours, "update_booking")])
    standing = await standings(world, neighbours)
    assert (standing.state, "1 later" in standing.why) == (State.OPEN, True)
    standing = await standings(world, overtaken)
    assert (standing.state, "update_booking" in standing.why) == (State.OVERTAKEN, True)


async def _die(when: str, call: PartnerCall) -> None:
    if when == "after":
        raise Crash(type(call).__name__)


async def test_what_nobody_can_put_back_says_why(world: World) -> None:
    world.send_bytes(b"garbage")
    world.send("from_the_future", {}, by=None)
    await world.settle()
    for letter, words in zip(letters(world), ("cannot read it", "cannot read it"), strict=True):
        standing = standing_of(as_letter(world, letter), Past(), COMMANDS)
        assert (standing.state, words in standing.why) == (State.FINAL, True)
    await condemned(world, by=ADMIN, guest_id=str(GUEST.id))
    unsigned = replace(
        the_letter(world).record,
        headers=tuple(
            h
            for h in letters(world)[-1].headers
            if h[0] not in ("service-signature", "dlq_sealed")  # it is opened already
        ),
    )
    standing = standing_of(
        world.read_letter(unsigned),
        Past(),
        COMMANDS,
    )
    assert standing == Standing(
        State.FINAL, "nobody stands behind it: its client has to send it again"
    )
    other = standing_of(the_letter(world), Past(), "another.commands")
    assert other == Standing(State.FINAL, "it is no command")


def chosen(
    world: World, states: Mapping[str, State], *, over_later: bool = False
) -> tuple[list[str], set[str]]:
    """Letters of one venue, sent in the order of their names; who goes, and who is held."""
    made, standing = [], {}
    for number, state in enumerate(states.values()):
        record = Record("t", 0, number, 1, None, b"{}", ())
        at = replace(world.log[0].coordinates, timestamp_ms=100 - number)
        headers = world.signer.letter_headers(record, at, GUEST, 0)
        made.append(
            read_letter(
                replace(record, headers=headers),
                world.signer,
                world.database.service_keys,
                world.guests_keys(),
            )
        )
        standing[made[-1].id] = Standing(state, "why")
    names = dict(zip((each.id for each in made), states, strict=True))
    going, held = choose(
        made, standing, dict.fromkeys(standing, UUID(int=1)), over_later=over_later
    )
    return [names[each.id] for each in going], {names[each] for each in held}


async def test_they_go_in_the_order_in_which_they_were_sent(world: World) -> None:
    world.create()
    assert chosen(world, {"last": State.OPEN, "first": State.OPEN}) == (["first", "last"], set())


async def test_nobody_goes_before_one_of_its_venue_that_waits(world: World) -> None:
    world.create()
    states = {"last": State.OPEN, "waits": State.WAITS, "first": State.OPEN}
    assert chosen(world, states) == (["first"], {"waits", "last"})


async def test_the_overtaken_go_only_when_asked_to(world: World) -> None:
    world.create()
    states = {"overtaken": State.OVERTAKEN, "done": State.PUT_BACK, "never": State.FINAL}
    assert chosen(world, states) == ([], {"overtaken"})
    assert chosen(world, states, over_later=True) == (["overtaken"], set())


# --- a run that is carried on by another record than its own ---


async def started_anew_and_skipped(world: World) -> UUID:
    """Put back, begun, its worker killed, and the group set forward over it."""
    asked = await condemned(world, key="k")
    send_back(world, the_letter(world))
    deadly(world, CreateIntent)
    with pytest.raises(Crash):
        await world.deliver()
    world.partners.on_call = nothing
    world.forget(world.log[-1])
    return asked


async def test_a_repeat_carries_on_the_run_that_was_begun(world: World) -> None:
    asked = await started_anew_and_skipped(world)
    world.create(command_id=asked, key="k")
    await world.settle()
    assert [reply.status for reply in world.replies_to(asked)] == [500, 201]
    (start,) = (s for s in world.database.tables.starts.values() if s.run == 1)
    assert start.booking_id in world.bookings
    assert_sound(world)


async def test_a_forwarded_copy_that_nobody_could_read_can_be_put_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = world.create(partition=2)
    await world.deliver()

    def die(value: bytes | None) -> Any:
        raise Crash("reading")

    with monkeypatch.context() as patch:
        patch.setattr("handlers.intake.parse_command", die)
        await tried_alone(world, TRIES)
        await world.deliver(at_most=1, alone=True)
    letter = the_letter(world)
    assert standing_of(letter, Past(), COMMANDS).state is State.OPEN
    send_back(world, letter)
    await world.settle()
    assert [reply.status for reply in world.replies_to(asked)] == [201]
    assert_sound(world, asked)


async def test_a_run_that_nobody_brought_to_its_end_leaves_the_letter_open(world: World) -> None:
    """The sweeper had it ended, without a letter of its own: there is no other way back."""
    asked = await started_anew_and_skipped(world)
    letter = the_letter(world)
    assert (await standings(world, Past(await known(world)))).state is State.PUT_BACK
    world.later(minutes=3)
    await world.sweep()
    await world.settle()
    await given_back(world)
    assert [reply.status for reply in world.replies_to(asked)] == [500, 500]
    assert len(letters(world)) == 1
    assert (await standings(world, Past(await known(world)))).state is State.OPEN
    send_back(world, letter)
    await world.settle()
    assert [reply.status for reply in world.replies_to(asked)] == [500, 500, 201]
    assert_nothing_is_held_for_nobody(world)


# --- what happens to the record that puts it back ---


async def test_a_group_that_is_set_back_over_a_put_back_command_does_nothing_again(
    world: World,
) -> None:
    await condemned(world, key="k")
    send_back(world, the_letter(world))
    await world.settle()
    published, calls = list(world.published), len(world.partners.calls)
    await world.rewind()
    await world.settle()
    assert (world.published, len(world.partners.calls)) == (published, calls)


async def test_a_put_back_record_that_is_delivered_again_gives_the_same_bytes(
    world: World,
) -> None:
    await condemned(world, key="k")
    send_back(world, the_letter(world))
    first = await world.deliver(abort=True)
    assert await world.deliver() == first
    assert [each.topic for each in first[0]] == [
        "booking.replies",
        "booking.events",
        "booking.guest-keys",
    ]


async def test_wherever_the_worker_dies_a_put_back_command_is_done_once() -> None:
    calm = await put_back_in_a_world_of_its_own()
    await calm.world.settle()
    for point in range(1, len(calm.world.points.seen) + 1):
        asked, world = await put_back_in_a_world_of_its_own()
        world.points.crash_at = point
        with pytest.raises(Crash):
            await world.settle()
        world.points.crash_at = None
        await world.settle()
        assert [reply.status for reply in world.replies_to(asked)] == [500, 201]
        assert world.event_types == ["booking.created"]
        (booking,) = world.bookings.values()
        assert booking.id in {s.booking_id for s in world.database.tables.starts.values() if s.run}
        assert_sound(world)


class Ready(NamedTuple):
    asked: UUID
    world: World


async def put_back_in_a_world_of_its_own() -> Ready:
    """A failed create whose record was just put back; points are counted from here."""
    world = World()
    pass_points = world.partners.on_call
    asked = await condemned(world, key="k", inventory_item_id="table-1")
    send_back(world, the_letter(world))
    world.partners.on_call = pass_points
    world.points.seen.clear()
    return Ready(asked, world)
