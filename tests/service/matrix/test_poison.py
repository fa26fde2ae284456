"""Poison: a command that kills every worker is set aside, answered, and can be put back."""

from __future__ import annotations

from uuid import uuid4

import pytest

from app.local_servers import KafkaServer, PostgresServer
from handlers.condemned import TRIES
from tests.service.builders import PERSONAL, a_create
from tests.service.callers import a_guest
from tests.service.client import Sent, reply_of
from tests.service.command_line import booking
from tests.service.feed import header
from tests.service.house import House, a_house
from tests.service.invariants import (
    check,
    everything_charged_belongs_to_a_booking_that_keeps_it,
    everything_reserved_belongs_to_an_active_booking,
)
from tests.service.matrix.crew import Crew, a_crew
from tests.service.matrix.failing_worker import Orders
from tests.service.matrix.matrix import a_venue_at
from tests.service.story import at_rest, dumps_of

pytestmark = pytest.mark.timeout(240)

_HOME = 5


def orders(house: House, deadly: str | None) -> Orders:
    """For a worker that dies of each reserve at this venue; None: of nothing."""
    return Orders(
        settings=house.settings,
        log=house.logs / "worker-of-the-crew.log",
        trace=house.logs / f"trace-{uuid4()}",
        needle=str(uuid4()),
        dies_of=f"ReserveInventory.*{deadly}" if deadly else None,
    )


async def died(crew: Crew, house: House, venue: str, times: int) -> None:
    """So many workers die of it, one after the other."""
    for _ in range(times):
        await crew.relieve(orders(house, venue))
        assert await crew.killed_itself(), "the command was passed by"


async def one_behind_the_other(house: House, venues: list[str]) -> list[Sent]:
    """Creates in one partition, which nobody works on yet."""
    return [
        await house.client.send_command(
            a_guest(), "create_booking", a_create(venue), partition=_HOME
        )
        for venue in venues
    ]


async def test_poison_is_set_aside_alone_and_can_be_put_back_in_its_order(
    kafka: KafkaServer, postgres: PostgresServer
) -> None:
    async with a_house(kafka, postgres, workers=0) as house, a_crew(house) as crew:
        venues = [a_venue_at(_HOME) for _ in range(3)]
        sent = await one_behind_the_other(house, venues)
        await died(crew, house, venues[1], TRIES + 1)
        await crew.relieve(orders(house, venues[1]))
        replies = [await house.client.reply_to_sent(each) for each in sent]
        assert [reply.status for reply in replies] == [201, 500, 201], "the others go on"
        assert replies[1].code == "internal_error"
        story = await check(house)
        (letter,) = story.dead_letters
        assert header(letter, "dlq_reason") == b"poison"
        assert header(letter, "dlq_attempts") == str(TRIES).encode()
        assert header(letter, "authorization") is None
        assert PERSONAL.encode() not in (letter.value or b"")

        listed = await booking(house, "dlq", "list", "--json")
        (about,) = listed.json["letters"]
        assert (about["reason"], about["state"]) == ("poison", "open")
        assert about["venue_id"] == venues[1]
        shown = await booking(house, "dlq", "show", about["id"])
        assert PERSONAL not in shown.out
        assert PERSONAL in (await booking(house, "dlq", "show", about["id"], "--personal")).out
        rehearsed = await booking(house, "dlq", "redrive", "--all", "--dry-run", "--json")
        assert (rehearsed.code, rehearsed.json["put_back"]) == (0, [about["id"]])
        still = await booking(house, "dlq", "list", "--json", "--older-than", "0")
        assert (still.code, still.json["letters"][0]["state"]) == (1, "open")

        await crew.relieve(orders(house, None))
        again = await booking(house, "dlq", "redrive", about["id"], "--json")
        assert (again.code, again.json["ends"]) == (0, {about["id"]: "201"}), again.err
        await at_rest(house)
        first, second = map(reply_of, house.feed.answers_to(sent[1].correlation_id or b""))
        assert (first.status, second.status) == (500, 201)
        assert second.data["venue_id"] == venues[1]
        story = await dumps_of(house)
        everything_reserved_belongs_to_an_active_booking(story)
        everything_charged_belongs_to_a_booking_that_keeps_it(story)

        for arguments in (["--all"], [about["id"]]):
            once_more = await booking(house, "dlq", "redrive", *arguments, "--json")
            assert once_more.json["put_back"] == []
            assert once_more.json["letters"][0]["state"] == "put back"
        why = await booking(house, "why", second.data["booking_reference"], "--json")
        assert [each["run"] for each in why.json["commands"]] == [1]


async def test_three_unlucky_kills_never_take_a_healthy_command_for_poison(
    kafka: KafkaServer, postgres: PostgresServer
) -> None:
    async with a_house(kafka, postgres, workers=0) as house, a_crew(house) as crew:
        venues = [a_venue_at(_HOME) for _ in range(2)]
        sent = await one_behind_the_other(house, venues)
        await died(crew, house, venues[0], TRIES)
        await crew.relieve(orders(house, None))
        replies = [await house.client.reply_to_sent(each) for each in sent]
        assert [reply.status for reply in replies] == [201, 201]
        assert (await check(house)).dead_letters == []
