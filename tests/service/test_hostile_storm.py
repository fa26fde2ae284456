"""The whole corpus of hostile records between commands and queries of somebody who means well, on a
real broker, into a real worker.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final
from uuid import uuid4

import psutil
import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer

from adapters.kafka.unfolding import MOST_BYTES
from app.local_servers import KafkaServer, PostgresServer
from handlers.ports import Record
from schemas.catalogue import Kind
from schemas.envelope import parse_command, parse_query
from schemas.strict_json import Unreadable
from tests.fuzz.corpus import inputs
from tests.fuzz.crafting import craft
from tests.fuzz.draft import Client as Forger
from tests.fuzz.oracle import weight
from tests.fuzz.targets import valid_messages
from tests.service.builders import a_create, a_venue, in_hours
from tests.service.callers import SECRET, Caller, a_guest, an_admin
from tests.service.client import Sent
from tests.service.feed import Seen, header
from tests.service.house import House, a_house
from tests.service.invariants import RULES
from tests.service.story import story_of

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]

EVERY: Final = 8  # so many hostile records, then a healthy one
MOST_GROWTH_BYTES: Final = 400 * 1024 * 1024
_NOT_OF_ALL_WHO_SEND: Final = frozenset(
    {"everything_sent_has_exactly_one_answer"}  # what was hostile is held against the corpus here
    | {"nothing_personal_and_no_token_is_where_it_must_not_be"}
)
Source = tuple[str, int, int]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(kafka: KafkaServer, postgres: PostgresServer) -> AsyncIterator[House]:
    async with a_house(kafka, postgres) as running:
        yield running


@asynccontextmanager
async def hostile_producer(kafka: KafkaServer) -> AsyncIterator[AIOKafkaProducer]:
    """It compresses well, which is how much gets past the broker's limits."""
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka.bootstrap_servers,
        compression_type="zstd",
        max_request_size=64_000_000,
    )
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


def hostile_records(house: House, topic: str, caller: Caller) -> list[Record]:
    """The corpus, as somebody with a valid token sends it; ours alone know how to sign."""
    kind = Kind.COMMAND if topic == "commands" else Kind.QUERY
    known = {"booking_id": str(uuid4()), "venue_id": a_venue(), "booking_time": in_hours(50)}
    forger = Forger(
        topic=f"{house.prefix}.{topic}",
        messages=valid_messages(kind, {**known, "guest_id": caller.sub}),
        authorization=f"Bearer {caller.token}".encode(),
        secret=SECRET,
        sign=lambda record: record.headers,
        timestamp_ms=0,
    )
    made = [craft(text, forger) for text in inputs(topic).values()]
    bomb = replace(made[0], value=bytes(MOST_BYTES + 1_000_000))
    return [each for each in [*made, bomb] if _can_be_sent(each)]


def _can_be_sent(record: Record) -> bool:
    """A producer here writes no names that are not UTF-8: tests/adapters/kafka sends those."""
    try:
        return weight((name.encode().decode(), value) for name, value in record.headers) > 0
    except UnicodeEncodeError:
        return False


def is_unreadable(record: Record) -> bool:
    parse = parse_command if record.topic.endswith(".commands") else parse_query
    return isinstance(parse(record.value), Unreadable)


async def publish(producer: AIOKafkaProducer, record: Record, home: int) -> Source:
    partition = (home + record.partition) % 12
    at = await producer.send_and_wait(
        record.topic, record.value, record.key, partition, headers=list(record.headers)
    )
    return at.topic, at.partition, at.offset


async def test_a_storm_of_hostile_records_hurts_nobody(house: House, kafka: KafkaServer) -> None:
    good, stranger, venue = an_admin(), a_guest(), a_venue()
    guest_id = str(uuid4())
    data = a_create(venue, guest_id=guest_id)
    created = await house.client.send_command(good, "create_booking", data)
    booking = (await house.client.reply_to_sent(created)).data
    home = created.partition
    worker = psutil.Process(house.workers[0].pid)
    taken = [worker.memory_info().rss]
    unreadable: list[Source] = []
    updates: list[Sent] = []

    async def update() -> None:
        """Each needs the version that the one before it makes: in order, or refused."""
        fields = {"booking_id": booking["id"], "expected_version": len(updates) + 1}
        asked: dict[str, Any] = {**fields, "special_requests": f"PERSONAL {len(updates)}"}
        updates.append(
            await house.client.send_command(good, "update_booking", asked, partition=home)
        )

    async with hostile_producer(kafka) as producer:
        for _storm in range(2):
            for topic in ("commands", "queries"):
                for number, record in enumerate(hostile_records(house, topic, stranger)):
                    source = await publish(producer, record, home)
                    if is_unreadable(record):
                        unreadable.append(source)
                    if number % EVERY == 0:
                        await update()
                await update()
            await house.client.reply_to_sent(updates[-1])
            taken.append(worker.memory_info().rss)

    replies = [await house.client.reply_to_sent(sent) for sent in updates]
    assert {reply.status for reply in replies} == {200}
    assert [reply.data["version"] for reply in replies] == list(range(2, len(updates) + 2))
    asked = {"booking_id": booking["id"]}
    assert (await house.client.query(good, "get_booking", asked)).status == 200

    story = await story_of(house)
    assert sorted(map(source_of, story.dead_letters)) == sorted(unreadable)
    for rule in RULES:
        if rule.__name__ not in _NOT_OF_ALL_WHO_SEND:
            rule(story)
    assert len(house.workers) == 1
    assert house.workers[0].lives, "it never went down"
    calm, after_one, after_two = taken
    assert after_one - calm < MOST_GROWTH_BYTES
    assert after_two - after_one < MOST_GROWTH_BYTES / 4, "each storm takes more"
    check_log(house)


def source_of(letter: Seen) -> Source:
    topic, partition, offset = (
        (header(letter, f"dlq_source_{name}") or b"").decode()
        for name in ("topic", "partition", "offset")
    )
    return topic, int(partition), int(offset)


def check_log(house: House) -> None:
    """Every line is one of ours, and but for notices about the settings none is a warning."""
    text = house.workers[0].log.read_text()
    for line in text.splitlines():
        assert line.isprintable()
        told = json.loads(line)
        assert told["level"] == "info" or told["event"] == "attention", line
