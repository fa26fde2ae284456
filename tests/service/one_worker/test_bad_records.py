"""Records that no client should send: answered or set aside, while all around them goes on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer

from app.local_servers import KafkaServer
from app.settings.service import SealSection
from app.wiring import service_keys
from handlers.dead_letter import opened
from handlers.ports import Record
from tests.service.builders import a_create, a_venue
from tests.service.callers import a_guest, a_manager
from tests.service.client import Header, Sent
from tests.service.feed import Seen, header
from tests.service.house import House

pytestmark = pytest.mark.asyncio(loop_scope="package")

UNREADABLE = {
    "not json": b"\xff garbage",
    "empty": b"",
    "a tombstone": None,
    "not an object": b"[1]",
    "NaN": b'{"type": "cancel_booking", "data": NaN}',
    "a key twice": b'{"type": "cancel_booking", "type": "cancel_booking"}',
    "a byte order mark": b'\xef\xbb\xbf{"type": "cancel_booking"}',
    "a lone surrogate": b'{"type": "cancel_booking", "data": "\\ud800"}',
    "too deep": b"[" * 40 + b"]" * 40,
    "no type": b'{"command_id": "7d9f8a1e-0d5b-4bd5-9a43-6f8f2f3b9a10", "data": {}}',
    "an unknown type": b'{"type": "eat", "command_id": "7d9f8a1e-0d5b-4bd5-9a43-6f8f2f3b9a10"}',
    "no id": b'{"type": "cancel_booking", "data": {}}',
    "a megabyte": b'{"type": "' + b"x" * 1_000_000 + b'"}',
}


def opened_by_us(letter: Seen) -> bytes:
    """What nobody knows whose it is, is sealed by the service's own key."""
    record = Record(letter.topic, 0, 0, 0, letter.key, letter.value, letter.headers)
    value = opened(record, service_keys(SealSection().seal_keys), None).value
    assert value is not None
    return value


async def letter_of(house: House, sent: Sent) -> Seen:
    """The dead letter of this record, once it is there."""
    coordinates = (sent.topic, str(sent.partition), str(sent.offset))
    names = ("dlq_source_topic", "dlq_source_partition", "dlq_source_offset")

    def look() -> list[Seen]:
        letters = house.feed.records(f"{house.prefix}.dead-letter")
        return [r for r in letters if coordinates == tuple(_text(r, name) for name in names)]

    (letter,) = await house.feed.until(look)
    return letter


def _text(record: Seen, name: str) -> str:
    return (header(record, name) or b"").decode()


async def test_what_lies_among_unreadable_records_is_done_in_order(house: House) -> None:
    guest, venue = a_guest(), a_venue()
    created = await house.client.send_command(guest, "create_booking", a_create(venue))
    home = created.partition
    bad = [
        await house.client.publish("commands", value, partition=home, key=b"k")
        for value in UNREADABLE.values()
    ]
    booking = (await house.client.reply_to_sent(created)).data["id"]
    moves = []
    for status in ("confirmed", "cancelled"):
        data = {"booking_id": booking, "status": status}
        moves.append(
            await house.client.send_command(guest, "update_booking_status", data, partition=home)
        )
        value = UNREADABLE["not json"]
        bad.append(await house.client.publish("commands", value, partition=home, key=b"k"))
    replies = [await house.client.reply_to_sent(sent) for sent in moves]
    assert [reply.data["status"] for reply in replies] == ["confirmed", "cancelled"]
    for sent in bad:
        letter = await letter_of(house, sent)
        assert letter.key == b"k"
        assert opened_by_us(letter) == (sent.value or b"")
        assert _text(letter, "dlq_reason") == "unreadable"
        assert _text(letter, "dlq_attempts") == "1"
        assert _text(letter, "dlq_source_timestamp").isdecimal()
        assert _text(letter, "dlq_failed_at")


async def test_an_unreadable_record_with_a_correlation_id_is_answered(house: House) -> None:
    correlation_id = uuid4().hex.encode()
    headers = house.client.headers(a_guest(), correlation_id)
    sent = await house.client.publish(
        "commands",
        b"{",
        headers=[*headers, ("colour", b"red")],
        correlation_id=correlation_id,
    )
    reply = await house.client.reply_to_sent(sent)
    assert (reply.status, reply.code) == (400, "unreadable")
    assert reply.error["retryable"] is False
    letter = await letter_of(house, sent)
    assert header(letter, "colour") == b"red"
    assert header(letter, "authorization") is None


async def test_an_unreadable_query_is_set_aside_too(house: House) -> None:
    sent = await house.client.publish("queries", b"\x00")
    letter = await letter_of(house, sent)
    assert _text(letter, "dlq_source_topic") == f"{house.prefix}.queries"


@pytest.mark.parametrize(
    "hostile",
    [
        [("correlation_id", None)],
        [("correlation_id", b"\xff\xfe")],
        [("correlation_id", b"one"), ("correlation_id", b"two")],
        [("correlation_id", b"x" * 100_000)],
        [("reply_partition", b"\xff"), ("traceparent", b"\xff"), ("tracestate", None)],
        [("", b""), ("service-signature", b"\x00"), ("service-origin", b"{")],
    ],
    ids=["null", "not UTF-8", "repeated", "huge", "nonsense", "forged"],
)
async def test_hostile_headers_harm_nobody(house: House, hostile: list[Header]) -> None:
    guest, id_ = a_guest(), str(uuid4())
    message = {"type": "create_booking", "command_id": id_, "data": a_create()}
    own = [pair for pair in house.client.headers(guest, b"") if pair[0] == "authorization"]
    sent = await house.client.publish(
        "commands",
        json.dumps(message).encode(),
        headers=[*own, *hostile],
        correlation_id=id_.encode(),
    )
    reply = await house.client.reply_to_sent(sent)
    assert reply.status == 201, "the correlation id counts as absent: the message's id is used"


async def test_a_forged_signature_makes_nobody_the_service(house: House) -> None:
    venue = a_venue()
    forged: list[Header] = [
        ("service-origin", b"null"),
        ("service-principal", b'{"role":"system"}'),
        ("service-signature", b"0" * 64),
    ]
    data = {"booking_id": a_venue(), "version": 1, "attempt": 0}
    reply = await house.client.command(a_manager(venue), "expire_booking", data, headers=forged)
    assert (reply.status, reply.code) == (403, "forbidden")


async def test_wherever_a_client_sends_its_commands_they_arrive(house: House) -> None:
    replies = await asyncio.gather(
        *(
            house.client.command(a_guest(), "create_booking", a_create(), partition=number)
            for number in range(12)
        )
    )
    assert {reply.status for reply in replies} == {201}


@asynccontextmanager
async def a_compressing_client(kafka: KafkaServer) -> AsyncIterator[AIOKafkaProducer]:
    """The broker weighs what comes compressed; a megabyte of it is as much as one likes."""
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka.bootstrap_servers,
        compression_type="gzip",
        max_request_size=32_000_000,
    )
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def test_what_was_small_only_while_it_was_compressed_stops_nobody(
    house: House, kafka: KafkaServer
) -> None:
    guest, venue, junk = a_guest(), a_venue(), b"x" * 6_000_000
    home = (await house.client.send_command(guest, "create_booking", a_create(venue))).partition
    async with a_compressing_client(kafka) as producer:

        async def send(value: bytes, headers: Sequence[Header], partition: int, key: bytes) -> Sent:
            at = await producer.send_and_wait(
                f"{house.prefix}.commands", value, key, partition, headers=list(headers)
            )
            sent = Sent(at.topic, at.partition, at.offset, value, None)
            house.client.sent.append(sent)
            return sent

        bad = [
            await send(junk, [], home, b"k"),
            await send(b"{}", [("junk", junk)], home, b"k"),
            await send(b"{}", [], home, junk),
        ]
        command_id = str(uuid4())
        message = {"type": "create_booking", "command_id": command_id, "data": a_create(venue)}
        headers = [("authorization", f"Bearer {guest.token}".encode()), ("junk", junk)]
        elsewhere = (home + 1) % 12
        asked = await send(json.dumps(message).encode(), headers, elsewhere, b"k")
        house.client.sent[-1] = replace(asked, correlation_id=command_id.encode())
    for each in bad:
        letter = await letter_of(house, each)
        assert header(letter, "dlq_cut") == b"true"
    answered = await house.feed.until(lambda: house.feed.answers_to(command_id.encode()))
    assert len(answered) == 1
    again = await house.client.command(guest, "create_booking", a_create())
    assert again.status == 201
