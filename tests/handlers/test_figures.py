"""What is counted: each outcome once when it is published, each change of a booking once when it is
written, and labels that say nothing but words from short lists.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Set
from typing import Final
from uuid import UUID

import pytest

from adapters.partners.figures import CALLS
from domain.booking import VenueType
from domain.effects import CreateIntent, Partner
from domain.lifecycle import Status
from domain.refusal import Code
from domain.rules import Fallback, Rules
from handlers.condemned import TRIES
from handlers.ended import Ended, Told
from handlers.figures import BookingFigures
from handlers.ports import Record, Stage
from schemas.envelope import COMMANDS, QUERIES
from schemas.measures import (
    AGE,
    BATCH_RECORDS,
    BOOKINGS_CREATED,
    EXPIRY_DELAY,
    MEASURES,
    OUTCOMES,
    PARTNER_CALL,
    STAGE,
    TRANSITIONS,
    VALUE,
)
from tests.handlers.onlookers import Onlookers, words
from tests.handlers.test_poison import deadly, tried_alone
from tests.handlers.world import ADMIN, NOW, STAFF, VENUE, World


def seen() -> tuple[World, Onlookers]:
    onlookers = Onlookers()
    return World(Rules(fallback=Fallback(is_allowed=False)), onlookers=onlookers), onlookers


def outcome(operation: str, code: str, kind: str = "command") -> frozenset[tuple[str, object]]:
    return words(kind=kind, operation=operation, code=code)


async def test_an_outcome_counts_once_it_is_published_and_not_before() -> None:
    world, onlookers = seen()
    world.create()
    await world.deliver(abort=True)
    assert onlookers.values(OUTCOMES) == {}
    assert onlookers.total(BOOKINGS_CREATED) == 1, "the database has it"
    await world.settle()
    assert onlookers.values(OUTCOMES) == {outcome("create_booking", "ok"): 1}
    assert onlookers.total(BOOKINGS_CREATED) == 1, "delivered again, it is still the same booking"
    assert onlookers.values(AGE) == {words(kind="command"): 1}


async def test_each_end_has_its_code() -> None:
    world, onlookers = seen()
    created = world.create(command_id=UUID(int=7))
    await world.settle()
    world.create(command_id=UUID(int=7))
    world.create(command_id=UUID(int=7), party_size=3)
    world.create(party_size=0)
    world.create(by=None)
    world.cancel({"id": str(UUID(int=9)), "venue_id": str(VENUE)})
    world.send_bytes(b"\xff")
    world.send("drop_table", {})
    await world.settle()
    assert world.replies_to(created)
    assert onlookers.values(OUTCOMES) == {
        outcome("create_booking", "ok"): 1,
        outcome("create_booking", "replayed"): 1,
        outcome("create_booking", "command_id_reused"): 1,
        outcome("create_booking", "validation_failed"): 1,
        outcome("create_booking", "unauthenticated"): 1,
        outcome("cancel_booking", "booking_not_found"): 1,
        outcome("unreadable", "unreadable"): 2,
    }


async def test_a_forwarded_command_counts_where_it_is_done() -> None:
    world, onlookers = seen()
    world.create(partition=2)
    await world.deliver()
    assert onlookers.values(OUTCOMES) == {}
    await world.settle()
    assert onlookers.values(OUTCOMES) == {outcome("create_booking", "ok"): 1}


async def test_money_counts_when_it_is_asked_when_it_is_paid_and_when_it_goes_back() -> None:
    world, onlookers = seen()
    booking = await world.booked()
    world.move(booking, "confirmed")
    await world.settle()
    world.cancel(booking, by=STAFF, refund_amount="40.00")
    await world.settle()
    restaurant = {"venue_type": "restaurant", "currency": "EUR"}
    assert onlookers.values(VALUE) == {
        words(**restaurant, flow="booked"): 110.0,
        words(**restaurant, flow="paid"): 110.0,
        words(**restaurant, flow="refunded"): 40.0,
    }
    assert onlookers.values(TRANSITIONS) == {
        words(venue_type="restaurant", to_status="confirmed"): 1,
        words(venue_type="restaurant", to_status="cancelled"): 1,
    }
    assert onlookers.values(BOOKINGS_CREATED) == {
        words(venue_type="restaurant", price_source="quoted"): 1
    }


async def test_what_two_commands_of_one_batch_change_counts_for_each() -> None:
    world, onlookers = seen()
    booking = await world.booked()
    world.move(booking, "confirmed")
    world.cancel(booking, by=STAFF, refund_amount="40.00")
    await world.settle()
    flows = {
        str(dict(labels)["flow"]): amount for labels, amount in onlookers.values(VALUE).items()
    }
    assert flows == {"booked": 110.0, "paid": 110.0, "refunded": 40.0}


async def test_an_expiry_tells_how_late_it_came() -> None:
    world, onlookers = seen()
    await world.booked()
    world.later(minutes=16)
    await world.sweep()
    await world.settle()
    assert onlookers.values(EXPIRY_DELAY) == {words(): 1}
    assert onlookers.values(OUTCOMES)[outcome("expire_booking", "ok")] == 1


async def test_a_poisoned_command_counts_as_the_failure_it_ends_with() -> None:
    world, onlookers = seen()
    deadly(world, CreateIntent)
    world.create()
    await tried_alone(world, TRIES)
    await world.deliver(alone=True)
    assert onlookers.values(OUTCOMES) == {outcome("create_booking", "internal_error"): 1}


async def test_a_batch_tells_how_large_it_was_and_where_its_time_went() -> None:
    world, onlookers = seen()
    world.create(hour=1)
    world.create(hour=9)
    await world.deliver()
    assert onlookers.values(BATCH_RECORDS) == {words(kind="command"): 1}
    told = {str(dict(labels)["stage"]) for labels in onlookers.values(STAGE)}
    assert told == set(STAGE.labels["stage"].split(", "))


async def test_calls_to_partners_count_by_how_they_were_answered() -> None:
    world, onlookers = seen()
    await world.booked()
    answered = {"result": "answered"}
    assert onlookers.values(PARTNER_CALL) == {
        words(partner="inventory", call="check", **answered): 1,
        words(partner="pricing", call="calculate", **answered): 1,
        words(partner="inventory", call="reserve", **answered): 1,
        words(partner="payment", call="intent", **answered): 1,
    }


async def test_queries_count_too() -> None:
    world, onlookers = seen()
    booking = await world.booked()
    await world.ask("get_booking", {"booking_id": booking["id"]})
    await world.ask("get_booking", {"booking_id": str(UUID(int=3))})
    await world.ask("list_everything", {}, by=ADMIN)
    queries = {k: v for k, v in onlookers.values(OUTCOMES).items() if ("kind", "query") in k}
    assert queries == {
        outcome("get_booking", "ok", "query"): 1,
        outcome("get_booking", "booking_not_found", "query"): 1,
        outcome("unreadable", "unreadable", "query"): 1,
    }


STRANGE = ("drop_table", "create_booking\n", "x" * 5_000, "\u202e", "booking-4711", "ok")


async def test_whatever_strangers_send_labels_are_words_from_the_lists() -> None:
    world, onlookers = seen()
    for word in STRANGE:
        world.send(word, {"venue_type": word})
        world.create(venue_type=word, currency=word)
        world.create(source=word, metadata={"venue_type": word}, token=word.encode())
        world.move({"id": word, "venue_id": str(VENUE)}, word)
        world.send_bytes(word.encode(), headers=[("correlation_id", word.encode())])
        await world.ask(word, {})
        await world.ask("check_availability", {"venue_type": word}, by=None)
    booking = await world.booked(metadata={"currency": "of a guest's own"})
    world.move(booking, "confirmed")
    await world.settle()
    await world.settle()
    strange = {
        (measure.name, name, word)
        for measure in MEASURES
        for labels in onlookers.values(measure)
        for name, word in labels
        if word not in WORDS[name]
    }
    assert strange == set()
    assert onlookers.total(OUTCOMES) > 40


WORDS: Final[Mapping[str, Set[str]]] = {
    "kind": {"command", "query"},
    "operation": {*COMMANDS, *QUERIES, "unreadable"},
    "code": {*(code.word for code in Code), "ok", "replayed"},
    "venue_type": {each.value for each in VenueType},
    "to_status": {each.value for each in Status},
    "price_source": {"quoted", "fallback"},
    "currency": {"EUR"},
    "flow": {"booked", "paid", "refunded"},
    "stage": {*(each.value for each in Stage), "whole"},
    "partner": {each.value for each in Partner},
    "call": {names["call"] for names in CALLS.values()},
    "result": {"answered", "refused", "unavailable", "not_asked"},
}


@pytest.mark.parametrize("part", ["lines", "bookings"])
async def test_what_cannot_be_told_stops_nobody(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    world, onlookers = seen()

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    if part == "lines":
        monkeypatch.setattr(onlookers.lines, "write", fail)
    else:
        monkeypatch.setattr(BookingFigures, "recorded", fail)
    asked = world.create()
    await world.settle()
    assert world.reply_to(asked).status == 201


async def test_batches_of_two_tasks_are_told_apart() -> None:
    onlookers = Onlookers()
    watch = onlookers.of_commands(lambda: NOW)

    async def share(partition: int, count: int) -> None:
        batch = [Record("t", partition, each, 0, None, b"", ()) for each in range(count)]
        watch.begins(batch)
        await asyncio.sleep(0)  # another one begins meanwhile
        watch.ends([Told(each, "create_booking", Ended(201), NOW) for each in batch])
        await asyncio.sleep(0)
        watch.published([partition])

    await asyncio.gather(share(1, 3), share(2, 5))
    lines = Counter(line["partition"] for line in onlookers.lines.written)
    assert lines == {1: 3, 2: 5}
    assert onlookers.values(OUTCOMES) == {outcome("create_booking", "ok"): 8}
    assert onlookers.values(BATCH_RECORDS) == {words(kind="command"): 2}
