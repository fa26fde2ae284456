"""Commands that nobody will deliver again are published once more; what has an outcome is not."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from app.local_servers import KafkaServer, PostgresServer
from tests.service.asking import book
from tests.service.builders import a_create
from tests.service.callers import Caller, a_guest, token
from tests.service.client import Reply, reply_of
from tests.service.command_line import booking
from tests.service.house import House, a_house
from tests.service.invariants import RULES, everything_sent_has_exactly_one_answer
from tests.service.offsets import skip
from tests.service.story import at_rest, story_of

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]


@pytest_asyncio.fixture(loop_scope="module")
async def house(kafka: KafkaServer, postgres: PostgresServer) -> AsyncIterator[House]:
    async with a_house(kafka, postgres) as running:
        await book(running, a_guest())
        yield running


def stranger() -> Caller:
    return Caller("nobody", token("nobody", "guest", secret="another secret of thirty-two bytes"))


async def test_what_was_skipped_is_done_once_and_what_has_ended_is_left_alone(
    house: House,
) -> None:
    (worker,) = house.workers
    await at_rest(house)
    worker.ask_to_stop()
    assert await worker.exit_code() == 0
    await house.has_members(0)
    begun = datetime.now(UTC)
    asked = [
        await house.client.send_command(
            a_guest(), "create_booking", a_create(), partition=number, idempotency_key="k"
        )
        for number in range(6)  # at their venues' homes or not
    ]
    turned_away = await house.client.send_command(stranger(), "create_booking", a_create())
    garbage = await house.client.publish("commands", b"garbage")
    for each in (*asked, turned_away, garbage):
        await skip(house, each)

    worker.start()
    behind = await house.client.command(a_guest(), "create_booking", a_create())
    assert behind.status == 201
    await at_rest(house)
    assert not any(house.feed.answers_to(each.correlation_id or b"") for each in asked)

    rehearsed = await booking(house, "replay", "--dry-run", "--json")
    assert rehearsed.code == 0
    assert found(rehearsed.json) == {(each.message["command_id"], None) for each in asked}
    assert rehearsed.json["verdicts"]["unreadable"] == 1
    assert rehearsed.json["verdicts"]["unauthenticated"] == 1
    since = (begun + timedelta(hours=1)).isoformat()
    assert found((await booking(house, "replay", "--from", since, "--json")).json) == set()
    assert not any(house.feed.answers_to(each.correlation_id or b"") for each in asked)

    replayed = await booking(house, "replay", "--json")
    assert (replayed.code, replayed.json["not_ended"]) == (0, 0), replayed.err
    assert found(replayed.json) == {(each.message["command_id"], "201") for each in asked}
    assert {reply.status for reply in [await house.client.reply_to_sent(a) for a in asked]} == {201}
    story = await story_of(house)
    for rule in RULES:  # who was turned away unread never gets an answer
        if rule is not everything_sent_has_exactly_one_answer:
            rule(story)

    assert await house.rows("select operation, effect from audit where kind = 'operator'") == [
        {"operation": "replay", "effect": "published_again"}
    ]

    # Accepted commands stay accepted whatever their tokens are worth today.
    keys = {"BOOKING_AUTH__SECRET": "rotated: no token of before is worth anything today"}
    twice = await booking(house, "replay", "--json", settings=keys)
    assert (twice.code, found(twice.json)) == (0, set())
    assert twice.json["verdicts"]["ended"] >= len(asked)
    await at_rest(house)
    assert all(len(house.feed.answers_to(each.correlation_id or b"")) == 1 for each in asked)


async def test_stored_outputs_are_sent_again_as_they_were(house: House) -> None:
    guest = a_guest()
    first = await house.client.command(guest, "create_booking", a_create())
    refused = await house.client.command(guest, "cancel_booking", {"booking_id": first.data["id"]})
    await at_rest(house)
    before = events(house, first.data["id"])
    resent = await booking(house, "replay", "--resend", "--json")
    assert (resent.code, resent.json["resent"]) == (0, resent.json["resent"])
    await house.feed.all_decided()
    for reply in (first, refused):
        here, again = answers(house, reply)
        assert (again.record.value, again.is_replayed) == (here.record.value, True)
    after = events(house, first.data["id"])
    assert [event["event_id"] for event in after] == [each["event_id"] for each in before] * 2
    assert after[: len(before)] == after[len(before) :] == before


async def test_a_time_without_an_offset_is_refused(house: House) -> None:
    ran = await booking(house, "replay", "--from", "2026-01-01T00:00:00")
    assert (ran.code, "offset" in ran.err) == (2, True)


def found(report: Any) -> set[tuple[str, str | None]]:
    return {(each["command_id"], each["end"]) for each in report["again"]}


def answers(house: House, reply: Reply) -> list[Reply]:
    return [reply_of(record) for record in house.feed.answers_to(reply.record.key or b"")]


def events(house: House, booking_id: str) -> list[dict[str, Any]]:
    records = house.feed.records(f"{house.prefix}.events")
    return [json.loads(r.value or b"") for r in records if r.key == booking_id.encode()]
