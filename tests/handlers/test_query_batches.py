"""A batch of queries asks the database once a kind, however many they are."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

from domain.effects import FindConflicts, GetEstimate
from handlers.ports import CannotRead, Record
from tests.fakes.reads import FakeReads
from tests.handlers.test_limits import limited_to
from tests.handlers.world import GUEST, VENUE, World, a_create


@dataclass
class Counting:
    """Counts what is asked of the database, which answers."""

    reads: FakeReads
    asked: Counter[str] = field(default_factory=Counter)

    def __getattr__(self, name: str) -> Any:
        self.asked[name] += 1
        return getattr(self.reads, name)


def counting(world: World) -> Counting:
    reads = Counting(world.database.reads)
    availability = replace(world.queries.availability, reads=reads)
    world.queries = replace(world.queries, reads=reads, availability=availability)
    return reads


def a_query(world: World, type_: str, data: Any) -> Record:
    body = {"type": type_, "query_id": str(uuid4()), "data": data}
    return world.query(json.dumps(body).encode())


async def answers(world: World, queries: list[Record]) -> list[Any]:
    outputs = await world.queries.answer(queries)
    replies = [json.loads(each.value) for each in outputs]
    return [each["data"] if each["status"] == 200 else each["error"]["code"] for each in replies]


async def test_one_question_a_kind_and_each_gets_its_own(world: World) -> None:
    bookings = [await world.booked(hour=hour, inventory_item_id="table-1") for hour in (1, 4)]
    reads = counting(world)
    queries = []
    for booking, hour in zip(bookings, (1, 9), strict=True):
        by_id = {"booking_id": booking["id"]}
        named = {"booking_reference": booking["booking_reference"]}
        queries += [
            a_query(world, "get_booking", by_id),
            a_query(world, "get_booking_by_reference", named),
            a_query(world, "get_booking_history", by_id),
            a_query(world, "list_guest_bookings", {"guest_id": str(GUEST.id), "limit": hour}),
            a_query(world, "check_availability", a_create(hour=hour, inventory_item_id="table-1")),
        ]
    found = await answers(world, queries)
    assert set(reads.asked.values()) == {1}
    assert set(reads.asked) == {
        "bookings",
        "bookings_by_reference",
        "histories",
        "pages",
        "conflicts",
    }
    for place, booking in enumerate(bookings):
        by_id, by_reference, history, _, _ = found[5 * place :][:5]
        assert by_id["id"] == by_reference["id"] == booking["id"]
        assert [each["version"] for each in history["items"]] == [1]
    assert [len(found[at]["items"]) for at in (3, 8)] == [1, 2]
    assert [found[at]["available"] for at in (4, 9)] == [False, True]


async def test_a_bug_in_a_partner_s_adapter_ends_one_query_alone(world: World) -> None:
    queries = [a_query(world, "check_availability", a_create(hour=hour)) for hour in (1, 2, 3)]
    world.partners.answers(GetEstimate, KeyError("a bug"))
    found = await answers(world, queries)
    assert [isinstance(each, dict) for each in found].count(True) == 2
    assert "internal_error" in found


@dataclass
class Refusing:
    """A database that cannot be asked about one item, with whatever it is asked together."""

    reads: FakeReads
    item: str
    asked: int = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.reads, name)

    async def conflicts(self, questions: Sequence[FindConflicts]) -> Any:
        self.asked += 1
        if any(each.item == self.item for each in questions):
            raise CannotRead(self.item)
        return await self.reads.conflicts(questions)


async def test_a_slot_that_cannot_be_asked_about_costs_no_other_its_answer(world: World) -> None:
    reads = Refusing(world.database.reads, "table-5")
    availability = replace(world.queries.availability, reads=reads)
    world.queries = replace(world.queries, availability=availability)
    slots = [a_create(inventory_item_id=f"table-{number}") for number in range(40)]
    found = await answers(world, [a_query(world, "check_availability", each) for each in slots])
    assert [at for at, each in enumerate(found) if each == "internal_error"] == [5]
    assert [each["available"] for at, each in enumerate(found) if at != 5] == [True] * 39
    assert reads.asked < 15


async def test_who_may_not_see_a_list_or_a_past_has_none_of_it(world: World) -> None:
    booking = await world.booked()
    stranger = replace(GUEST, id=uuid4())
    past = await world.ask("get_booking_history", {"booking_id": booking["id"]}, by=stranger)
    listed = await world.ask("list_guest_bookings", {"guest_id": str(GUEST.id)}, by=stranger)
    venue = await world.ask("list_venue_bookings", {"venue_id": str(VENUE)}, by=stranger)
    assert [past.code, listed.code, venue.code] == ["booking_not_found", "forbidden", "forbidden"]


async def test_who_asks_too_much_costs_the_database_no_look_up() -> None:
    world = limited_to(1)
    booking = await world.booked()
    reads = counting(world)
    by_id, guest = {"booking_id": booking["id"]}, {"guest_id": str(GUEST.id)}
    assert len(await answers(world, [a_query(world, "list_guest_bookings", guest)])) == 1
    reads.asked.clear()
    queries = [
        a_query(world, "get_booking", by_id),
        a_query(world, "get_booking_history", by_id),
        a_query(world, "list_guest_bookings", guest),
    ]
    assert await answers(world, queries) == ["rate_limited"] * 3
    assert not reads.asked
