"""Events folded back into versions, whatever order and however often they lie in the topic."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

import pytest

from domain.effects import RefundPayment
from handlers.ports import Output, Rebuilt, Record
from handlers.rebuild import Rebuild, Unusable, Version
from handlers.sealing import reply_of
from tests.handlers.test_put_back import condemned, send_back, the_letter
from tests.handlers.world import ADMIN, GUEST, STAFF, World

AWAY = 16  # minutes after which a pending booking expires


@dataclass
class Fold:
    """A rebuild that finds every key that is left."""

    world: World
    fold: Rebuild

    @property
    def unusable(self) -> list[Unusable]:
        return self.fold.unusable

    def read(self, records: list[Record]) -> list[Rebuilt]:
        return self._rebuilt(self.fold.read(records))

    def rest(self) -> list[Rebuilt]:
        return self._rebuilt(self.fold.rest())

    def first_open(self, partition: int, otherwise: int) -> int:
        return self.fold.first_open(partition, otherwise)

    def _rebuilt(self, versions: list[Version]) -> list[Rebuilt]:
        left = self.world.guests_keys()
        needed = self.fold.keys_needed(versions)
        return self.fold.rebuilt(versions, {id_: left[id_] for id_ in needed if id_ in left})


def a_fold(world: World) -> Fold:
    return Fold(world, Rebuild(world.database.service_keys, world.rules))


async def a_day() -> World:
    world = World()
    asked = world.create(key="k")
    await world.settle()
    booking = world.reply_to(asked).booking
    confirmed = world.move(booking, "confirmed")
    await world.settle()
    booking = world.reply_to(confirmed).booking
    world.update(booking, party_size=1, special_requests="a quiet corner")
    await world.settle()
    world.cancel(booking, reason="ill")
    await world.settle()
    await world.booked(hour=9)
    world.later(minutes=AWAY)
    await world.sweep()
    await world.settle()
    return world


def records_of(outputs: list[Output], partition: int = 0) -> list[Record]:
    return [
        Record(each.topic, partition, offset, 1_000 + offset, each.key, each.value, each.headers)
        for offset, each in enumerate(outputs)
    ]


def rebuilt(world: World, records: list[Record]) -> list[Rebuilt]:
    fold = a_fold(world)
    found = fold.read(records) + fold.rest()
    assert not fold.unusable
    return found


async def test_every_version_comes_back_with_its_command_and_its_answer() -> None:
    world = await a_day()
    tables = world.database.tables
    found = rebuilt(world, records_of(world.to("booking.events")))
    for each in found:
        row_id = each.start.row_id
        assert each.start == tables.starts[row_id]
        assert each.outcome == tables.outcomes[row_id]
        if each.key is not None:
            assert each.key == tables.keys[each.key.key_id]
    latest = {each.booking.id: each.booking for each in found}
    assert latest == tables.bookings
    history = {(e.booking.id, e.booking.version): e.history for e in found if e.history}
    assert history == {at: row.change for at, row in tables.history.items()}


async def test_an_event_that_lies_there_twice_counts_once() -> None:
    world = await a_day()
    events = world.to("booking.events")
    once = rebuilt(world, records_of(events))
    twice = rebuilt(world, records_of([each for event in events for each in (event, event)]))
    assert twice == once


async def test_a_version_whose_events_come_in_two_batches_is_one() -> None:
    world = await a_day()
    records = records_of(world.to("booking.events"))
    whole = rebuilt(world, records)
    fold = a_fold(world)
    found = [each for record in records for each in fold.read([record])] + fold.rest()
    assert found == whole


async def test_where_to_go_on_is_the_first_event_that_was_not_given_out() -> None:
    world = await a_day()
    records = records_of(world.to("booking.events"))
    fold = a_fold(world)
    given = fold.read(records[:3])
    rest = records[fold.first_open(0, 3) :]
    again = a_fold(world)
    assert given + again.read(rest) + again.rest() == rebuilt(world, records)


async def test_what_cannot_be_used_is_told_with_its_place_and_the_rest_goes_on() -> None:
    world = await a_day()
    records = records_of(world.to("booking.events"))
    spoiled = json.loads(records[0].value or b"")
    spoiled["payload"]["sealed"] = None
    strange: list[Any] = [b"no event", None, b"{}", json.dumps(spoiled).encode()]
    mixed = [
        *(replace(records[0], offset=100 + n, value=value) for n, value in enumerate(strange)),
        *records[1:],
    ]
    fold = a_fold(world)
    found = fold.read(mixed) + fold.rest()
    assert [each.offset for each in fold.unusable] == [100, 101, 102, 103]
    assert len(found) == len(rebuilt(world, records)) - 1


async def test_a_sealed_part_of_another_booking_is_not_believed() -> None:
    world = World()
    world.create(hour=0)
    world.create(hour=9)
    await world.settle()
    one, other = (json.loads(each.value or b"") for each in world.to("booking.events"))
    one["payload"]["sealed"] = other["payload"]["sealed"]
    record = replace(records_of(world.to("booking.events"))[0], value=json.dumps(one).encode())
    fold = a_fold(world)
    assert fold.read([record]) + fold.rest() == []
    (unusable,) = fold.unusable
    assert "sealed" in unusable.why


async def test_nothing_personal_is_needed_from_the_open_part() -> None:
    world = World()
    world.create(guest_name="Ada", special_requests="a window", by=GUEST)
    await world.settle()
    (event,) = world.to("booking.events")
    assert b"Ada" not in (event.value or b"")
    (found,) = rebuilt(world, records_of([event]))
    assert found.booking.contact.name == "Ada"
    assert found.booking.special_requests == "a window"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda event: event | {"event_id": ["a", "list"]},
        lambda event: event | {"timestamp": "2026-06-01T12:00:00"},
        lambda event: event | {"payload": event["payload"] | {"booking_id": 17}},
        lambda event: event | {"payload": event["payload"] | {"guest_id": 17}},
        lambda event: event | {"payload": event["payload"] | {"command_id": 17}},
        lambda event: event | {"payload": event["payload"] | {"input": None}},
        lambda event: event | {"payload": event["payload"] | {"total_price": {}}},
        lambda event: event | {"payload": {**event["payload"], "input": {"topic": "t"}}},
        lambda event: event | {"payload": _without(event["payload"], "request_hash")},
        lambda event: event | {"payload": _without(event["payload"], "content_hash")},
        lambda event: event | {"payload": event["payload"] | {"venue_name": "\0"}},
        lambda event: event | {"payload": event["payload"] | {"inventory_item_id": "a\0b"}},
        lambda event: event | {"payload": event["payload"] | {"party_size": 2**31}},
        lambda event: event | {"payload": event["payload"] | {"party_size": 2**63}},
        lambda event: event | {"payload": event["payload"] | {"party_size": 0}},
        lambda event: event | {"payload": _with_input(event["payload"], topic="\0")},
        lambda event: event | {"payload": _with_input(event["payload"], partition=2**31)},
        lambda event: event | {"payload": _with_input(event["payload"], offset=2**63)},
    ],
)
async def test_no_strange_event_stops_the_others(spoil: Any) -> None:
    world = World()
    world.create(key="k")
    await world.settle()
    (record,) = records_of(world.to("booking.events"))
    spoiled = replace(record, value=json.dumps(spoil(json.loads(record.value or b""))).encode())
    fold = a_fold(world)
    assert fold.read([spoiled]) + fold.rest() == []
    (unusable,) = fold.unusable
    assert (unusable.offset, bool(unusable.why)) == (0, True)


def _with_input(payload: dict[str, Any], **changed: Any) -> dict[str, Any]:
    return payload | {"input": payload["input"] | changed}


def _without(payload: dict[str, Any], name: str) -> dict[str, Any]:
    return {each: value for each, value in payload.items() if each != name}


async def test_who_goes_on_after_an_interruption_is_told_of_all_that_cannot_be_used() -> None:
    """The report of the first try is gone with it, and a lost create leaves no other trace."""
    world = await a_day()
    records = records_of(world.to("booking.events"))
    broken = [replace(records[0], value=b"no event"), *records[1:]]
    fold = a_fold(world)
    fold.read(broken)
    rest = broken[fold.first_open(0, len(broken)) :]
    again = a_fold(world)
    again.read(rest)
    assert again.unusable == fold.unusable


async def test_a_put_back_run_comes_back_as_that_run(world: World) -> None:
    asked = await condemned(world, key="k", inventory_item_id="table-1")
    send_back(world, the_letter(world))
    await world.settle()
    (found,) = rebuilt(world, records_of(world.to("booking.events")))
    assert (found.start.run, found.start.command_id) == (1, asked)
    assert found.start == world.database.tables.starts[found.start.row_id]


async def test_metadata_and_every_text_come_back_to_the_byte(world: World) -> None:
    asked = world.create(
        metadata={"n": 2**53 - 1, "f": 1.10, "e": 1e-7, "z": "ß\u2028\\", "a": [None, True, {}]},
        guest_name="Ада \u0301",
        special_requests="a\nb",
    )
    await world.settle()
    (found,) = rebuilt(world, records_of(world.to("booking.events")))
    assert found.outcome.reply is not None
    reply = reply_of(found.start.row_id, found.outcome, found.data_key)
    assert reply == world.reply_to(asked).output.value


async def test_every_way_a_booking_can_end_comes_back(world: World) -> None:
    gone, shown, done = [
        await world.booked(hour=number, inventory_item_id=f"table-{number}") for number in range(3)
    ]
    for booking in (gone, shown, done):
        world.move(booking, "confirmed", by=STAFF, payment="at_venue")
    later = await world.booked(hour=9)
    world.move(later, "confirmed")
    await world.settle()
    world.partners.is_away_for(RefundPayment, times=1)
    world.cancel(later, reason="ill")
    await world.settle()
    world.later(days=1, minutes=1)
    world.move(shown, "checked_in", by=STAFF)
    world.move(gone, "checked_in", by=STAFF)
    world.later(hours=3)
    await world.sweep()  # the refund
    await world.settle()
    world.move(shown, "completed", by=STAFF)
    world.move(done, "no_show", by=STAFF, reason="nobody came")
    world.cancel(gone, by=ADMIN, reason="a fire")
    await world.settle()
    tables = world.database.tables
    ends = {"completed", "no_show", "cancelled"}
    assert {each.status.value for each in tables.bookings.values()} == ends
    found = rebuilt(world, records_of(world.to("booking.events")))
    by_version = sorted(found, key=lambda each: each.booking.version)
    assert {each.booking.id: each.booking for each in by_version} == tables.bookings
    for each in found:
        assert each.outcome == tables.outcomes[each.start.row_id]
        assert each.start == tables.starts[each.start.row_id]
    history = {(e.booking.id, e.booking.version): e.history for e in found if e.history}
    assert history == {at: row.change for at, row in tables.history.items()}
