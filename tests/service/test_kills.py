"""A worker is killed at chosen moments of a command, and started again: everything once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeAlias

import pytest
import pytest_asyncio

from app.demo.partners.desk import Desk
from app.demo.partners.faults import Fault, Kind
from app.local_servers import KafkaServer, PostgresServer
from tests.service.asking import book, book_and_pay, failing
from tests.service.builders import a_create, a_venue
from tests.service.callers import Caller, a_guest
from tests.service.client import Sent
from tests.service.house import House, a_house
from tests.service.invariants import check
from tests.service.offsets import skip
from tests.service.waiting import until

Command: TypeAlias = tuple[Caller, str, dict[str, Any]]

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lasting_house(kafka: KafkaServer, postgres: PostgresServer) -> AsyncIterator[House]:
    """One worker with a short session, so that its successor begins soon."""
    settings = {
        "BOOKING_KAFKA__SESSION_TIMEOUT_MS": "2000",
        "BOOKING_KAFKA__MAX_BATCH_RECORDS": "20",
    }
    async with a_house(kafka, postgres, settings=settings) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def house(lasting_house: House) -> AsyncIterator[House]:
    """Every invariant is demanded after each test; the worker lives before it."""
    (worker,) = lasting_house.workers
    if not worker.lives:
        worker.start()
    await book(lasting_house, a_guest())
    yield lasting_house
    await check(lasting_house)


def hanging(call: str, where: dict[str, str]) -> Fault:
    """The call is not answered, and its effect comes late, perhaps after its repetition."""
    return Fault(Kind.LATENCY, call, where, seconds=3.0)


def unheard(call: str, where: dict[str, str]) -> Fault:
    """The call's effect is there, its answer never arrives whole."""
    return Fault(Kind.SLOW_DRIP, call, where, seconds=1.0)


async def killed_while(house: House, desk: Desk, fault: Fault, *commands: Command) -> list[Sent]:
    """Send these, kill the worker once the fault has met its call, and start the next one."""
    desk.faults.add(fault)
    sent = [await house.client.send_command(*command) for command in commands]

    async def met() -> bool:
        return not desk.faults

    await until(met)
    (worker,) = house.workers
    worker.kill()
    worker.start()
    return sent


@pytest.mark.parametrize(
    ("partner", "call", "fault"),
    [
        ("inventory", "reserve", hanging),
        ("inventory", "reserve", unheard),
        ("payment", "create-intent", unheard),
    ],
)
async def test_a_create_whose_worker_is_killed_in_a_call_is_done_once(
    house: House, partner: str, call: str, fault: Callable[[str, dict[str, str]], Fault]
) -> None:
    guests = [a_guest() for _ in range(3)]
    venues = [a_venue() for _ in range(3)]
    where = {"venue_id": venues[0]} if call == "reserve" else {"guest_id": guests[0].sub}
    sent = await killed_while(
        house,
        getattr(house.partners, partner),
        fault(call, where),
        *(
            (guest, "create_booking", a_create(venue))
            for guest, venue in zip(guests, venues, strict=True)
        ),
    )
    replies = [await house.client.reply_to_sent(each) for each in sent]
    assert {reply.status for reply in replies} == {201}
    standing = house.partners.inventory.service.state()["reservations"]
    held = [hold["venue_id"] for hold in standing if hold["venue_id"] in venues]
    assert sorted(held) == sorted(venues)
    ids = {reply.data["id"] for reply in replies}
    intents = house.partners.payment.service.state()["intents"]
    assert sorted(i["booking_id"] for i in intents if i["booking_id"] in ids) == sorted(ids)


@pytest.mark.parametrize(
    ("call", "status"), [("confirm-intent", "confirmed"), ("refund", "cancelled")]
)
async def test_money_moves_once_when_the_worker_is_killed_while_it_moves(
    house: House, call: str, status: str
) -> None:
    guest = a_guest()
    before = book if status == "confirmed" else book_and_pay
    booking = (await before(house, guest))["id"]
    data = {"booking_id": booking, "status": status}
    (sent,) = await killed_while(
        house,
        house.partners.payment,
        unheard(call, {"booking_id": booking}),
        (guest, "update_booking_status", data),
    )
    reply = await house.client.reply_to_sent(sent)
    assert reply.data["status"] == status
    assert reply.data["amount_paid"] == "55.00"
    assert reply.data["amount_refunded"] == ("0.00" if status == "confirmed" else "55.00")


async def test_a_killed_create_goes_by_the_price_that_it_heard_first(house: House) -> None:
    """The guest's payment was begun with it; meanwhile the venue has become dearer."""
    (worker,) = house.workers
    guest, venue = a_guest(), a_venue()
    payment = house.partners.payment
    payment.faults.add(unheard("create-intent", {"guest_id": guest.sub}))
    sent = await house.client.send_command(guest, "create_booking", a_create(venue))

    async def met() -> bool:
        return not payment.faults

    await until(met)
    worker.kill()
    house.partners.pricing.service.configure(f"/_venues/{venue}", {"per_person": "100"})
    worker.start()
    reply = await house.client.reply_to_sent(sent)
    assert reply.status == 201, f"another way than before the kill: {reply.body}"
    intents = payment.service.state()["intents"]
    (intent,) = [each for each in intents if each["booking_id"] == reply.data["id"]]
    assert reply.data["total_price"] == intent["amount"] == "55.00"


async def test_an_outcome_that_was_recorded_and_not_published_is_published_once(
    house: House,
) -> None:
    (worker,) = house.workers
    recorded = asyncio.Event()

    def kill(*_: object) -> None:
        if not recorded.is_set():
            recorded.set()
            worker.kill()

    async with house.database.acquire() as connection:
        await connection.execute(
            """create function tell() returns trigger language plpgsql as
            $$ begin perform pg_notify('outcomes', ''); return null; end $$;
            create trigger tell after insert on outcomes execute function tell()"""
        )
        await connection.add_listener("outcomes", kill)
        sent = await house.client.send_command(a_guest(), "create_booking", a_create())
        await asyncio.wait_for(recorded.wait(), 30)
        await connection.remove_listener("outcomes", kill)
        await connection.execute("drop trigger tell on outcomes")
    assert sent.correlation_id is not None
    await house.feed.caught_up()
    assert not house.feed.answers_to(sent.correlation_id), "killed before anything was published"
    worker.start()
    assert (await house.client.reply_to_sent(sent)).status == 201


async def test_a_command_that_kafka_will_not_deliver_again_is_ended_and_undone(
    house: House,
) -> None:
    """The group's offset was set forward over a command in hand, as an operator may do."""
    (worker,) = house.workers
    venue = a_venue()
    house.partners.inventory.faults.add(unheard("reserve", {"venue_id": venue}))
    create = a_create(venue)
    sent = await house.client.send_command(a_guest(), "create_booking", create)

    async def met() -> bool:
        return not house.partners.inventory.faults

    await until(met)
    worker.kill()
    await house.has_members(0)
    await skip(house, sent)
    await house.rows("update journal set started_at = started_at - interval '1 hour'")
    worker.start()
    reply = await house.client.reply_to_sent(sent)
    assert (reply.status, reply.code) == (500, "internal_error")
    assert reply.error["retryable"] is False
    again = await house.client.command(a_guest(), "create_booking", create)
    assert again.status == 201, "the slot is free"


async def test_sigterm_ends_what_is_in_hand_and_leaves_the_rest_to_the_next(house: House) -> None:
    (worker,) = house.workers
    slow = Fault(Kind.LATENCY, "reserve", times=None, seconds=0.2)
    with failing(house.partners.inventory, slow):
        sent = [
            await house.client.send_command(a_guest(), "create_booking", a_create())
            for _ in range(60)
        ]
        await house.client.reply_to_sent(sent[0])
        worker.ask_to_stop()
        assert await worker.exit_code(within_seconds=30) == 0
    await house.feed.caught_up()
    left = [each for each in sent if not house.feed.answers_to(each.correlation_id or b"")]
    assert left, "it did not wait for the last of them"
    worker.start()
    replies = [await house.client.reply_to_sent(each) for each in sent]
    assert {reply.status for reply in replies} == {201}
