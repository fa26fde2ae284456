"""Queries: what each may see, and that reading agrees with writing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import pytest

from domain.effects import CheckCapacity, GetEstimate
from domain.principal import Principal
from handlers.ports import DatabaseAway
from tests.fakes.reads import FakeReads
from tests.handlers.world import (
    ADMIN,
    ELSEWHERE,
    GUEST,
    STAFF,
    STAFF_OF_NOBODY,
    STRANGER,
    VENUE,
    World,
    a_create,
)


@pytest.mark.parametrize("by", [GUEST, STAFF, ADMIN])
async def test_a_booking_is_shown_to_those_it_concerns(world: World, by: Principal) -> None:
    booking = await world.booked(
        by=STAFF, source="phone", guest_id=GUEST.id, internal_notes="difficult"
    )
    reply = await world.ask("get_booking", {"booking_id": booking["id"]}, by=by)
    shown = reply.booking
    assert shown["id"] == booking["id"]
    assert shown["internal_notes"] == (None if by is GUEST else "difficult")
    assert "payment_client_secret" not in shown


@pytest.mark.parametrize("by", [STRANGER, STAFF_OF_NOBODY])
@pytest.mark.parametrize("type_", ["get_booking", "get_booking_history"])
async def test_a_booking_of_others_is_not_found(world: World, by: Principal, type_: str) -> None:
    booking = await world.booked()
    reply = await world.ask(type_, {"booking_id": booking["id"]}, by=by)
    assert (reply.status, reply.code) == (404, "booking_not_found")
    reference = {"booking_reference": booking["booking_reference"]}
    reply = await world.ask("get_booking_by_reference", reference, by=by)
    assert reply.code == "booking_not_found"


async def test_notes_are_kept_from_the_guest_they_are_about(world: World) -> None:
    booking = await world.booked(
        by=STAFF, source="phone", guest_id=GUEST.id, internal_notes="difficult"
    )
    assert booking["internal_notes"] == "difficult"
    asked = world.update(booking, special_requests="a view")
    await world.settle()
    assert world.reply_to(asked).booking["internal_notes"] is None
    listed = await world.ask("list_guest_bookings", {"guest_id": str(GUEST.id)})
    assert "difficult" not in listed.output.value.decode()
    assert "difficult" not in "".join(o.value.decode() for o in world.to("booking.events"))


@pytest.mark.parametrize(
    ("type_", "data", "by"),
    [
        ("list_guest_bookings", {"guest_id": str(STRANGER.id)}, GUEST),
        ("list_venue_bookings", {"venue_id": str(VENUE)}, GUEST),
        ("list_venue_bookings", {"venue_id": str(VENUE)}, STAFF_OF_NOBODY),
    ],
)
async def test_a_list_of_somebody_elses_is_forbidden(
    world: World, type_: str, data: dict[str, Any], by: Principal
) -> None:
    reply = await world.ask(type_, data, by=by)
    assert (reply.status, reply.code) == (403, "forbidden")


async def test_staff_see_of_a_guest_what_concerns_their_venues(world: World) -> None:
    await world.booked()
    by_guest = {"guest_id": str(GUEST.id)}
    seen = await world.ask("list_guest_bookings", by_guest, by=STAFF)
    unseen = await world.ask("list_guest_bookings", by_guest, by=STAFF_OF_NOBODY)
    assert [len(reply.body["data"]["items"]) for reply in (seen, unseen)] == [1, 0]


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
async def test_paging_shows_each_booking_once_latest_first(world: World, limit: int) -> None:
    for hour in (0, 1, 2, 2, 2, 3, 4):
        world.create(hour=hour, duration_minutes=60)
    await world.settle()
    seen: list[dict[str, Any]] = []
    cursor = None
    while True:
        data = {"guest_id": str(GUEST.id), "limit": limit}
        page = (
            await world.ask("list_guest_bookings", data | ({"cursor": cursor} if cursor else {}))
        ).body["data"]
        assert len(page["items"]) <= limit
        seen += page["items"]
        world.create(hour=9, venue_id=ELSEWHERE)
        if (cursor := page["next_cursor"]) is None:
            break
        await world.settle()
    assert len({each["id"] for each in seen}) == len(seen) == 7
    starts = [each["booking_time"] for each in seen]
    assert starts == sorted(starts, reverse=True)


async def test_a_page_of_long_bookings_ends_early_and_is_continued(world: World) -> None:
    for hour in range(70):
        world.create(hour=hour, duration_minutes=60, special_requests="\U0001f334" * 2_000)
    await world.settle()
    pages: list[list[str]] = []
    cursor = None
    while not pages or cursor:
        asked = {"guest_id": str(GUEST.id)} | ({"cursor": cursor} if cursor else {})
        reply = await world.ask("list_guest_bookings", asked)
        assert len(json.dumps(reply.body, ensure_ascii=False).encode()) < 600_000
        pages.append([each["booking_time"] for each in reply.body["data"]["items"]])
        cursor = reply.body["data"]["next_cursor"]
    seen = [start for page in pages for start in page]
    assert len(pages) == 2
    assert (seen, len(seen)) == (sorted(set(seen), reverse=True), 70)


@pytest.mark.parametrize("hour", [-2, -1, 0, 1, 2])
async def test_availability_agrees_with_a_create(world: World, hour: int) -> None:
    await world.booked(inventory_item_id="table-1")
    data = a_create(inventory_item_id="table-1", hour=hour)
    reply = await world.ask("check_availability", data, by=STRANGER)
    asked = world.create(inventory_item_id="table-1", hour=hour, by=STRANGER)
    await world.settle()
    answer = reply.body["data"]
    assert answer["available"] == (world.reply_to(asked).status == 201)
    if not answer["available"]:
        assert world.reply_to(asked).code in answer["reasons"]
        assert str(GUEST.id) not in reply.output.value.decode()


async def test_availability_without_partners(world: World) -> None:
    data = a_create()
    world.partners.is_away_for(GetEstimate)
    assert (await world.ask("check_availability", data)).body["data"]["price_estimate"] is None
    world.partners.is_away_for(CheckCapacity)
    reply = await world.ask("check_availability", data)
    assert (reply.status, reply.code) == (500, "inventory_unavailable")


async def test_a_history_tells_every_step(world: World) -> None:
    booking = await world.booked()
    world.move(booking, "confirmed")
    world.cancel(booking, reason="rain")
    await world.settle()
    items = (await world.ask("get_booking_history", {"booking_id": booking["id"]})).body["data"][
        "items"
    ]
    assert [(i["from_status"], i["to_status"], i["version"]) for i in items] == [
        (None, "pending", 1),
        ("pending", "confirmed", 2),
        ("confirmed", "cancelled", 3),
    ]


async def test_a_bad_query_hurts_no_other(world: World) -> None:
    booking = await world.booked()
    good = json.dumps(
        {
            "type": "get_booking",
            "query_id": "00000000-0000-4000-8000-0000000000e1",
            "data": {"booking_id": booking["id"]},
        }
    ).encode()
    world.partners.answers(GetEstimate, KeyError("a bug"))
    availability = {
        "type": "check_availability",
        "query_id": "00000000-0000-4000-8000-0000000000e2",
        "data": a_create(),
    }
    outputs = await world.queries.answer(
        [
            world.query(b"junk", headers=[("correlation_id", b"c")]),
            world.query(None),
            world.query(good, by=None),
            world.query(json.dumps(availability).encode()),
            world.query(good.replace(b'"data"', b'"dta"')),
            world.query(good),
        ]
    )
    replies = [json.loads(o.value) for o in outputs if o.topic == "booking.replies"]
    assert [(r["status"], (r["error"] or {}).get("code")) for r in replies] == [
        (400, "unreadable"),
        (401, "unauthenticated"),
        (500, "internal_error"),
        (400, "validation_failed"),
        (200, None),
    ]
    assert len([o for o in outputs if o.topic == "booking.dead-letter"]) == 2


async def test_a_database_that_is_away_is_never_an_answer(world: World) -> None:
    booking = await world.booked()
    world.database.away = True
    with pytest.raises(DatabaseAway):
        await world.ask("get_booking", {"booking_id": booking["id"]})
    with pytest.raises(DatabaseAway):
        await world.ask("list_guest_bookings", {"guest_id": str(GUEST.id)})


READABLE = json.dumps({"type": "get_booking", "query_id": str(VENUE), "data": {}}).encode()


@pytest.mark.parametrize("value", [b"\xff", READABLE])
@pytest.mark.parametrize("at", [-(10**17), 10**17])
async def test_a_query_of_an_impossible_time_holds_up_no_other(
    world: World, value: bytes, at: int
) -> None:
    query = replace(world.query(value), timestamp_ms=at)
    assert await world.queries.answer([query]), "a reply or a dead letter"


@dataclass
class Knowing:
    """Notes what askers said to know; answers as the database does."""

    reads: FakeReads
    known: dict[Any, int] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        async def ask(keys: Any, known: Mapping[Any, int]) -> Any:
            self.known |= known
            return await getattr(self.reads, name)(keys, known)

        return ask


async def test_what_the_asker_knows_goes_along_with_every_question(world: World) -> None:
    booking = await world.booked()
    knowing = Knowing(world.database.reads)
    world.queries = replace(world.queries, reads=knowing)
    by_reference = {"booking_reference": booking["booking_reference"].lower()}
    await world.ask("get_booking_by_reference", by_reference | {"known_version": 4})
    assert knowing.known == {booking["booking_reference"]: 4}
    by_id = {"booking_id": booking["id"]}
    for type_, version in (("get_booking", 2), ("get_booking_history", 3)):
        await world.ask(type_, by_id | {"known_version": version})
        assert knowing.known[UUID(booking["id"])] == version
        await world.ask(type_, by_id)
        assert knowing.known[UUID(booking["id"])] == 0
    assert (await world.ask("get_booking", by_id | {"known_version": 0})).status == 400
