"""What a replay makes of the records in the topic, and what lanes make of what it publishes."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from adapters.tokens.authenticator import TokenAuthenticator
from adapters.tokens.keys import SharedSecret
from domain.effects import CreateIntent
from handlers.ports import KnownCommand
from handlers.replay import Candidate, Judged, Reader, Verdict, again, let_in, may_be_resent, resent
from tests.handlers.invariants import assert_sound
from tests.handlers.test_poison import deadly, letters, nothing
from tests.handlers.test_put_back import condemned, send_back, the_letter
from tests.handlers.world import PARTITIONS, SECRET, Crash, World, home_of


def judged(world: World, secret: str = SECRET, *, behind: int = 100) -> list[Judged]:
    """Every record of the log, in its order."""
    reader = Reader(
        TokenAuthenticator(SharedSecret(secret)),
        world.signer,
        dict.fromkeys(range(PARTITIONS), behind),
    )
    found = []
    for record in world.log:
        one = reader.read(record)
        if isinstance(one, Candidate):
            if one.principal is None and (row := at(world, record.coordinates)):
                one = let_in(one, row)
            found.append(reader.judge(one, row_of(world, one)))
        else:
            found.append(Judged(one))
    return found


def row_of(world: World, candidate: Candidate) -> KnownCommand | None:
    tables = world.database.tables
    if candidate.row_id is None or candidate.row_id not in tables.starts:
        return None
    return tables.known(candidate.row_id, world.database.service_keys)


def at(world: World, coordinates: object) -> KnownCommand | None:
    tables = world.database.tables
    for start in tables.starts.values():
        if start.coordinates == coordinates:
            return tables.known(start.row_id, world.database.service_keys)
    return None


def verdicts(world: World, **options: Any) -> list[Verdict]:
    return [each.verdict for each in judged(world, **options)]


def replay(world: World) -> int:
    """Publish again what has no outcome; gives how many."""
    waiting = [each for each in judged(world) if each.verdict is Verdict.AGAIN]
    for each in waiting:
        assert each.candidate is not None
        home = home_of(UUID(each.candidate.command.data["venue_id"]))
        output = again(each.candidate, home, world.signer)
        world.send_bytes(output.value, partition=home, headers=output.headers)
    return len(waiting)


async def skipped(world: World) -> None:
    """The group was set forward over everything."""
    await world.rest()
    for partition in range(PARTITIONS):
        world.committed[partition] = sum(r.partition == partition for r in world.log)


async def test_each_record_gets_its_verdict(world: World) -> None:
    done = world.create(hour=0)
    world.send_bytes(b"garbage")
    world.send("create_booking", {}, by=None)
    await world.booked(hour=4)
    world.later(hours=1)
    assert await world.sweep()
    await world.settle()
    world.send("create_booking", {"other": "content"}, command_id=done)
    await world.settle()
    assert world.event_types[-2:] == ["booking.expired", "booking.status_changed"]
    world.create(hour=8)
    found = verdicts(world)
    assert found[:3] == [Verdict.ENDED, Verdict.UNREADABLE, Verdict.UNAUTHENTICATED]
    assert found[-2:] == [Verdict.OTHER, Verdict.AGAIN]
    assert set(found[3:-2]) == {Verdict.ENDED}, "the service's own have outcomes as well"
    assert set(verdicts(world, behind=0)) == {Verdict.NOT_YET_READ}


async def test_what_was_skipped_is_done_once_however_often_it_is_published(world: World) -> None:
    asked = [world.create(hour=0), world.create(hour=4, partition=2)]
    await skipped(world)
    assert replay(world) == 2
    assert replay(world) == 2, "nobody has done it yet"
    await world.settle()
    assert [world.reply_to(each).status for each in asked] == [201, 201]
    assert replay(world) == 0
    assert_sound(world, *asked)


async def test_the_moment_of_sending_stays(world: World) -> None:
    asked = world.create()
    await skipped(world)
    sent = world.log[0].timestamp_ms
    world.later(hours=2)
    assert replay(world) == 1
    await world.settle()
    assert world.reply_to(asked).status == 201
    (start,) = world.database.tables.starts.values()
    assert (start.sent.timestamp() * 1000, start.origin.timestamp_ms) == (sent, sent)


async def test_what_was_started_and_skipped_goes_on_where_it_stopped(world: World) -> None:
    asked = world.create()
    deadly(world, CreateIntent)
    with pytest.raises(Crash):
        await world.deliver()
    world.partners.on_call = nothing
    await skipped(world)
    assert replay(world) == 1
    await world.settle()
    assert world.reply_to(asked).status == 201
    assert_sound(world, asked)


async def test_who_was_let_in_once_is_not_judged_again(world: World) -> None:
    world.create()
    await world.settle()
    assert verdicts(world, secret="another secret of thirty-two bytes") == [Verdict.ENDED]


async def test_a_forward_and_its_origin_count_once(world: World) -> None:
    world.create(partition=2)
    await world.deliver()
    assert len(world.log) == 2
    await skipped(world)
    assert sorted(verdicts(world)) == sorted([Verdict.AGAIN, Verdict.COPY])


async def test_stored_outputs_are_those_that_were_published(world: World) -> None:
    asked = world.create()
    await world.settle()
    world.create(command_id=asked)
    await world.settle()
    first, repeat = judged(world)
    assert first.known is not None
    assert (may_be_resent(first), may_be_resent(repeat)) == (True, False)
    reply, *events = resent(first.known)
    assert dict(reply.headers)["replayed"] == b"true"
    assert reply.value == world.replies_to(asked)[0].output.value
    assert events == world.to("booking.events")


async def test_a_request_that_its_key_answered_is_not_done_again_however_late_it_is_replayed(
    world: World,
) -> None:
    """Of such a repeat no event tells, so a rebuild forgets it."""
    first = world.create(key="k", hour=72)
    await world.settle()
    world.later(minutes=1)
    repeat = world.create(key="k", hour=72)
    await skipped(world)
    await world.booked(hour=80)  # the group goes on behind it
    world.later(hours=30)
    world.move(world.reply_to(first).booking, "cancelled")
    await world.settle()
    assert replay(world) == 1
    await world.settle()
    (reply,) = world.replies_to(repeat)
    assert (reply.status, reply.is_replayed) == (201, True)
    assert reply.output.value == world.replies_to(first)[0].output.value
    assert len(world.bookings) == 2


async def test_a_run_that_was_put_back_and_skipped_is_found(world: World) -> None:
    asked = await condemned(world)
    send_back(world, the_letter(world))
    await skipped(world)
    assert replay(world) == 1
    await world.settle()
    assert [each.status for each in world.replies_to(asked)] == [500, 201]
    assert replay(world) == 0


async def test_what_a_newer_version_signed_is_left_to_its_own_replay(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.create(partition=2)
    await world.deliver()

    def unknown(text: str) -> Any:
        raise ValueError("a principal of another kind")

    monkeypatch.setattr("adapters.tokens.service_signature.load_principal", unknown)
    assert sorted(verdicts(world)) == [Verdict.AGAIN, Verdict.UNREADABLE]


async def test_letters_are_not_sent_again_with_what_was_published(world: World) -> None:
    await condemned(world)
    assert len(letters(world)) == 1
    failed = judged(world)[0]
    assert failed.known is not None
    assert [each.topic for each in resent(failed.known)] == ["booking.replies"]
