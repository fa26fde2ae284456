"""What brings the worker down, or raises, is tried three times alone and then set aside."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

import handlers.acceptances
import handlers.intake
from domain.effects import CreateIntent, PartnerCall, RefundPayment, ReserveInventory
from handlers.condemned import TRIES
from handlers.ports import Output, Record
from tests.handlers.invariants import assert_sound
from tests.handlers.world import COMMANDS, GUEST, Crash, World

DEADLY = (CreateIntent, ReserveInventory)


def deadly(world: World, *kinds: type[PartnerCall]) -> None:
    """The process dies whenever such a call has been made."""

    async def die(when: str, call: PartnerCall) -> None:
        if when == "after" and isinstance(call, kinds):
            raise Crash(type(call).__name__)

    world.partners.on_call = die


async def nothing(when: str, call: PartnerCall) -> None:
    """The partners work as they should."""


async def tried_alone(world: World, times: int) -> None:
    """The Kafka side's part: the first record that is not done, alone, until the process dies."""
    for _ in range(times):
        with pytest.raises((Crash, ZeroDivisionError)):
            await world.deliver(at_most=1, alone=True)


def letters(world: World) -> list[Output]:
    return world.to("booking.dead-letter")


def told(letter: Output) -> dict[str, str]:
    return {n: (v or b"").decode() for n, v in letter.headers if n.startswith("dlq_")}


@pytest.mark.parametrize("kind", DEADLY)
async def test_poison_is_undone_answered_and_dead_lettered(world: World, kind: type) -> None:
    asked = world.create(key="k", inventory_item_id="table-1")
    deadly(world, kind)
    await tried_alone(world, TRIES)
    await world.deliver(at_most=1, alone=True)
    reply = world.reply_to(asked)
    assert (reply.status, reply.code) == (500, "internal_error")
    assert reply.body["error"]["retryable"] is False
    (letter,) = letters(world)
    assert world.opened(letter) == world.log[0].value
    about = told(letter)
    assert (about["dlq_reason"], about["dlq_attempts"]) == ("poison", "3")
    assert (about["dlq_source_partition"], about["dlq_source_offset"]) == ("0", "0")
    assert not world.database.tables.claims
    world.partners.on_call = nothing
    world.later(seconds=1)
    await world.sweep()
    await world.settle()
    assert not world.partners.held
    assert_sound(world, asked)


async def test_a_batch_says_what_it_has_in_hand_before_it_is_done(world: World) -> None:
    """Whoever opens the lane after a crash knows which records to do alone."""
    world.create(hour=0)
    await world.deliver()
    world.create(hour=4)
    world.create(hour=8)
    deadly(world, CreateIntent)
    with pytest.raises(Crash):
        await world.deliver()
    state = await world.database.open_lane(COMMANDS, 0)
    assert state.in_hand_until == 3
    assert state.mark is not None
    assert state.mark.offset == 1


async def test_those_behind_poison_go_on_in_order(world: World) -> None:
    before = await world.booked(inventory_item_id="table-3")
    poison = world.create(inventory_item_id="table-1")
    behind = world.create(inventory_item_id="table-2")
    moved = world.move(before, "confirmed")
    deadly(world, CreateIntent)
    await tried_alone(world, TRIES)
    await world.deliver(at_most=1, alone=True)
    world.partners.on_call = nothing
    await world.settle()
    assert world.reply_to(poison).status == 500
    assert world.reply_to(behind).status == 201
    assert world.reply_to(moved).status == 200
    world.later(seconds=1)
    await world.sweep()
    await world.settle()
    assert_sound(world, poison, behind)


async def test_a_healthy_command_survives_three_kills(world: World) -> None:
    """The first in a batch, two more when it was alone: no one could say it was poison."""
    asked = world.create()
    deadly(world, CreateIntent)
    with pytest.raises(Crash):
        await world.deliver()
    await tried_alone(world, 2)
    world.partners.on_call = nothing
    await world.deliver(at_most=1, alone=True)
    assert world.reply_to(asked).status == 201
    assert not letters(world)
    assert_sound(world, asked)


async def test_a_healthy_command_survives_three_kills_when_it_is_alone(world: World) -> None:
    asked = world.create()
    deadly(world, CreateIntent)
    await tried_alone(world, TRIES - 1)
    world.partners.on_call = nothing
    await world.deliver(at_most=1, alone=True)
    assert world.reply_to(asked).status == 201


async def test_a_try_is_counted_before_the_record_is_read(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever brings the process down while it reads: it is never read a fourth time."""
    record = world.send_bytes(b'{"deadly": true}', headers=[("correlation_id", b"c1")])

    def die(value: bytes | None) -> Any:
        raise Crash("reading")

    with monkeypatch.context() as patch:
        patch.setattr(handlers.intake, "parse_command", die)
        await tried_alone(world, TRIES)
        await world.deliver(at_most=1, alone=True)
    (letter,) = letters(world)
    assert (world.opened(letter), told(letter)["dlq_reason"]) == (record.value, "poison")
    (reply,) = world.replies
    assert (reply.status, reply.code) == (500, "internal_error")
    assert reply.headers["correlation_id"] == b"c1"


async def test_a_bug_that_raises_is_set_aside_as_well(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here in the rendering of the answer, which fails the batch and not its command alone."""
    asked = world.create()

    def buggy(*_: object, **__: object) -> Any:
        return 1 / 0

    with monkeypatch.context() as patch:
        patch.setattr(handlers.acceptances, "booking_json", buggy)
        with pytest.raises(ZeroDivisionError):
            await world.deliver()
        await tried_alone(world, TRIES)
        await world.deliver(at_most=1, alone=True)
    assert world.reply_to(asked).code == "internal_error"
    world.later(seconds=1)
    await world.sweep()
    await world.settle()
    assert not world.partners.held
    assert_sound(world, asked)


async def test_a_stored_journal_that_cannot_be_read_does_not_block_its_lane(world: World) -> None:
    """Of a newer version, say; what its command had begun is for people to look up."""
    asked = world.create()
    deadly(world, CreateIntent)
    with pytest.raises(Crash):
        await world.deliver()
    world.partners.on_call = nothing
    journal = world.database.tables.journal
    for entry in journal:
        journal[entry] = '{"heard": {"k": {"kind": "Unheard"}}, "asked": {}}'
    for _ in range(TRIES):
        with pytest.raises(ValueError, match="Unheard"):
            await world.deliver(at_most=1, alone=True)
    await world.deliver(at_most=1, alone=True)
    assert world.reply_to(asked).code == "internal_error"
    (letter,) = letters(world)
    assert "cannot be read" in told(letter)["dlq_detail"]


async def test_what_ended_before_it_was_published_is_published_however_often_it_failed(
    world: World,
) -> None:
    asked = world.create()
    for _ in range(TRIES + 2):
        await world.deliver(abort=True, at_most=1, alone=True)
    await world.deliver(at_most=1, alone=True)
    assert world.reply_to(asked).status == 201
    assert not letters(world)


async def test_a_sweep_that_is_poison_comes_back_under_another_id(world: World) -> None:
    """Its command is set aside, what it was to do is not: that stays owed."""
    booking = await world.booked()
    paid = world.move(booking, "confirmed")
    await world.settle()
    world.partners.is_away_for(RefundPayment, times=1)
    world.cancel(world.reply_to(paid).booking)
    await world.settle()
    world.later(seconds=1)
    assert await world.sweep() == 1
    deadly(world, RefundPayment)
    await tried_alone(world, TRIES)
    await world.deliver(at_most=1, alone=True)
    world.partners.on_call = nothing
    assert len(letters(world)) == 1
    world.later(hours=2)
    assert await world.sweep() == 1
    await world.settle()
    assert all(row.is_done for row in world.database.tables.undo.values())
    assert_sound(world)


async def test_a_set_back_lane_does_not_tell_of_its_poison_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.send_bytes(b'{"deadly": true}')

    def die(value: bytes | None) -> Any:
        raise Crash("reading")

    with monkeypatch.context() as patch:
        patch.setattr(handlers.intake, "parse_command", die)
        for _ in range(2):
            await tried_alone(world, TRIES)
            await world.deliver(at_most=1, alone=True)
            assert world.committed[0] == 1
            await world.rewind()
    assert len(letters(world)) == 1


async def test_a_letter_keeps_no_signature_that_is_good_for_the_commands_topic(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever may read letters and write commands could have it done by copying it."""
    sent = world.create(partition=2)
    await world.deliver()
    forwarded = world.log[-1]
    assert world.signer.verified(forwarded) is not None

    def die(value: bytes | None) -> Any:
        raise Crash("reading")

    with monkeypatch.context() as patch:
        patch.setattr(handlers.intake, "parse_command", die)
        await tried_alone(world, TRIES)
        await world.deliver(at_most=1, alone=True)
    (letter,) = letters(world)
    copied = world.send_bytes(world.opened(letter), headers=letter.headers)
    assert world.signer.verified(copied) is None
    await world.settle()
    assert world.event_types == []
    # It says where its client's own record lies, and who stands behind it.
    assert told(letter)["dlq_source_partition"] == "2"
    known = world.signer.verified_letter(replace(copied, headers=letter.headers))
    assert known is not None
    assert (known.principal, known.origin) == (GUEST, world.log[0].coordinates)
    assert str(sent).encode() in world.opened(letter)


async def test_who_copies_a_letters_signature_onto_a_record_stands_not_behind_it(
    world: World,
) -> None:
    world.send("from_the_future", {})
    await world.settle()
    (letter,) = letters(world)
    world.send_bytes(world.opened(letter), headers=letter.headers)
    await world.settle()
    _, copy = letters(world)
    record = Record("t", 0, 0, 1, copy.key, copy.value, copy.headers)
    assert world.signer.verified_letter(record) is None


@pytest.mark.parametrize("at", [-(10**17), 10**17])
async def test_a_record_of_an_impossible_time_is_set_aside(world: World, at: int) -> None:
    world.create()
    world.log[0] = replace(world.log[0], timestamp_ms=at)
    for _ in range(TRIES):
        with pytest.raises((ValueError, OverflowError, OSError)):
            await world.deliver(at_most=1, alone=True)
    await world.deliver(at_most=1, alone=True)
    assert told(letters(world)[0])["dlq_reason"] == "poison"
