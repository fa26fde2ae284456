"""Over TLS, by name, under exactly the ACLs and grants of the documentation: everything works."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from uuid import uuid4

import pytest

from adapters.kafka.partitioning import home_partition
from adapters.kafka.topics import PARTITIONS
from app.demo.partners.faults import Fault, Kind
from tests.service.asking import book, book_and_pay, events_of, failing, move
from tests.service.builders import a_create, a_venue
from tests.service.callers import a_guest
from tests.service.client import Header
from tests.service.command_line import booking
from tests.service.house import House
from tests.service.secured.conftest import Secured, database_in
from tests.service.waiting import until
from tests.service.worker import WorkerProcess

pytestmark = [pytest.mark.asyncio(loop_scope="package"), pytest.mark.timeout(240)]

OF_A_REFUSAL = ("Authorization", "lacks a right", "does not allow")


async def test_a_guest_books_pays_asks_and_cancels(house: House) -> None:
    guest = a_guest()
    booked = await book_and_pay(house, guest)
    asked = await house.client.query(guest, "get_booking", {"booking_id": booked["id"]})
    assert asked.data["status"] == "confirmed"
    cancelled = await move(house, guest, booked["id"], "cancelled")
    assert cancelled.data["amount_refunded"] == booked["amount_paid"]
    assert len(await events_of(house, booked["id"], 5)) == 5


async def test_health_is_told(house: House) -> None:
    assert (await booking(house, "health")).out == "ready\n"


async def test_a_command_beside_its_lane_is_forwarded(house: House) -> None:
    venue = a_venue()
    home = home_partition(venue.encode(), PARTITIONS)
    reply = await house.client.command(
        a_guest(), "create_booking", a_create(venue), partition=(home + 1) % PARTITIONS
    )
    assert reply.status == 201


async def test_what_cannot_be_read_becomes_a_dead_letter(house: House) -> None:
    letters = f"{house.prefix}.dead-letter"
    before = len(house.feed.records(letters))
    sent = await house.client.publish("commands", b"{")
    (letter,) = await house.feed.until(lambda: house.feed.records(letters)[before:])
    assert dict(letter.headers)["dlq_source_offset"] == str(sent.offset).encode()


async def test_what_is_owed_is_given_back_and_who_is_late_expires(house: House) -> None:
    guest = a_guest()
    booked, late = await book_and_pay(house, guest), await book(house, guest)
    with failing(house.partners.inventory, Fault(Kind.ERROR, "release", times=None)):
        await move(house, guest, booked["id"], "cancelled")
    assert await house.rows("select from undo where done_at is null")
    await house.rows("update bookings set sweep_at = now() where id = $1", late["id"])
    types = [event.type for event in await events_of(house, late["id"], 3)]
    assert types == ["booking.created", "booking.expired", "booking.status_changed"]

    async def nothing_is_owed() -> bool:
        return not await house.rows("select from undo where done_at is null")

    await until(nothing_is_owed)


async def test_a_reply_that_cannot_go_where_it_was_asked_to_goes_to_the_usual_topic(
    house: House,
) -> None:
    guest, correlation_id = a_guest(), uuid4().hex.encode()
    headers: list[Header] = [("reply_to", f"{house.prefix}.replies.nowhere".encode())]
    headers += [h for h in house.client.headers(guest, correlation_id) if h[0] != "reply_to"]
    message = {"type": "create_booking", "command_id": str(uuid4()), "data": a_create()}
    sent = await house.client.publish(
        "commands", json.dumps(message).encode(), headers=headers, correlation_id=correlation_id
    )
    reply = await house.client.reply_to_sent(sent)
    assert (reply.status, reply.record.topic) == (201, f"{house.prefix}.replies")
    assert reply.headers["reply_to_refused"] == b"true"


async def test_a_killed_worker_is_followed_under_the_same_rights(house: House) -> None:
    """Its records are done alone, and counted, before they are trusted."""
    (worker, *_) = house.workers
    venue = a_venue()
    house.partners.inventory.faults.add(
        Fault(Kind.LATENCY, "reserve", {"venue_id": venue}, seconds=2.0)
    )
    sent = await house.client.send_command(a_guest(), "create_booking", a_create(venue))

    async def met() -> bool:
        return not house.partners.inventory.faults

    await until(met)
    worker.kill()
    worker.start()
    assert (await house.client.reply_to_sent(sent)).status == 201


async def test_a_certificate_and_secrets_from_files_let_a_worker_in_as_well(
    house: House, secured: Secured, tmp_path: Path
) -> None:
    """Kafka by mTLS with a locked key, where the common name is the user's; PostgreSQL without a
    password; at least once, and so without transactions.
    """
    pair = secured.kafka.authority.signs("worker", password="a key of its own")
    client = secured.postgres.authority.signs("certified")
    secrets = {
        "KAFKA__SSL_KEY_PASSWORD": "a key of its own",
        "AUTH__SECRET": house.settings["BOOKING_AUTH__SECRET"],
        "DATABASE__URL": secured.postgres.url(
            "certified",
            None,
            database_in(house.settings),
            sslcert=client.certificate,
            sslkey=client.key,
        ),
    }
    for name, secret in secrets.items():
        (tmp_path / name).write_text(f"{secret}\n")
    (first, *_) = house.workers
    first.ask_to_stop()
    assert await first.exit_code() == 0
    kept = {
        name: value
        for name, value in house.settings.items()
        if "SASL" not in name and name.removeprefix("BOOKING_") not in secrets
    }
    by_file = {f"BOOKING_{name}_FILE": str(tmp_path / name) for name in secrets}
    own = {
        "BOOKING_KAFKA__BOOTSTRAP_SERVERS": secured.kafka.mtls,
        "BOOKING_KAFKA__SECURITY_PROTOCOL": "SSL",
        "BOOKING_KAFKA__SSL_CERTFILE": str(pair.certificate),
        "BOOKING_KAFKA__SSL_KEYFILE": str(pair.key),
        "BOOKING_KAFKA__DELIVERY": "at_least_once",
    }
    worker = WorkerProcess({**kept, **by_file, **own}, house.logs / "certified.log")
    house.workers.append(worker)
    worker.start()
    await book_and_pay(house, a_guest())
    worker.ask_to_stop()
    assert await worker.exit_code() == 0
    first.start()
    for each in (first, worker):
        log = await asyncio.to_thread(each.log.read_text)
        assert not [word for word in OF_A_REFUSAL if word in log], log
