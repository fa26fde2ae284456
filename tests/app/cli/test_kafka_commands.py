"""topics, send and watch against a real Kafka."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import orjson
import pytest

from adapters.kafka.publishing import BrokerPublisher
from adapters.kafka.settings import KafkaSettings
from adapters.kafka.watching import watching
from app.local_servers import KafkaServer
from handlers.ports import Output, Record
from tests.app.cli.conftest import Booking


@pytest.fixture
def settings(
    booking: Booking, kafka: KafkaServer, topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> KafkaSettings:
    monkeypatch.setenv("BOOKING_KAFKA__BOOTSTRAP_SERVERS", kafka.bootstrap_servers)
    monkeypatch.setenv("BOOKING_KAFKA__TOPIC_PREFIX", topic_prefix)
    return KafkaSettings(kafka.bootstrap_servers, topic_prefix=topic_prefix)


@contextmanager
def answering(settings: KafkaSettings, status: int) -> Iterator[list[Record]]:
    """A worker of few words: the first command gets a reply with this status."""
    seen: list[Record] = []
    ready = threading.Event()

    async def answer() -> None:
        prefix = settings.topic_prefix
        async with watching(settings, f"{prefix}.commands") as commands:
            ready.set()
            record = await anext(aiter(commands))
            seen.append(record)
            reply = orjson.dumps({"operation": "create_booking", "status": status, "data": None})
            correlation_id = dict(record.headers)["correlation_id"] or b""
            other = Output(f"{prefix}.replies", b"x", b"{}", (("correlation_id", b"x"),))
            own = Output(
                f"{prefix}.replies",
                correlation_id,
                reply,
                (("correlation_id", correlation_id), ("replayed", b"true")),
            )
            publisher = BrokerPublisher(settings)
            await publisher.publish([other, own])
            await publisher.stop()

    thread = threading.Thread(target=lambda: asyncio.run(asyncio.wait_for(answer(), 60)))
    thread.start()
    assert ready.wait(60)
    yield seen
    thread.join()


def test_topics_are_created_once_and_then_all_is_well(
    booking: Booking, settings: KafkaSettings
) -> None:
    before = booking("topics", "check")
    assert before.code == 1
    assert f"Topic {settings.topic_prefix}.commands is missing." in before.err
    assert len(booking("topics", "create", "--json").json["created"]) == 6
    assert booking("topics", "create").out == "created nothing: all topics exist\n"
    assert booking("topics", "check", "--json").json == {"wrong": []}


@pytest.mark.parametrize(("status", "code"), [(201, 0), (409, 1)])
def test_send_prints_the_reply_that_is_its_own(
    booking: Booking, settings: KafkaSettings, status: int, code: int
) -> None:
    booking("topics", "create")
    with answering(settings, status) as seen:
        ran = booking("send", "create_booking", "{}", "--token", "t", "--wait", "60", "--json")
    assert (ran.code, ran.json["status"]) == (code, status)
    assert ran.err == "replayed: the outcome of an earlier try\n"
    assert dict(seen[0].headers)["authorization"] == b"Bearer t"


def test_send_without_waiting_tells_the_ids(booking: Booking, settings: KafkaSettings) -> None:
    booking("topics", "create")
    ran = booking("send", "get_booking", '{"booking_id": "b"}', "--json")
    assert (ran.code, set(ran.json)) == (0, {"id", "correlation_id"})


def test_send_says_when_no_reply_comes_in_time(booking: Booking, settings: KafkaSettings) -> None:
    booking("topics", "create")
    ran = booking("send", "get_booking", "{}", "--wait", "0.2")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("booking: no reply within 0.2 s")


@pytest.mark.parametrize(
    "arguments",
    [
        ("send", "get_booking", "{}"),
        ("send", "get_booking", "{}", "--wait", "5"),
        ("watch", "events"),
    ],
)
def test_missing_topics_are_said_with_what_to_run(
    booking: Booking, settings: KafkaSettings, arguments: tuple[str, ...]
) -> None:
    ran = booking(*arguments)
    assert (ran.code, ran.out) == (1, "")
    assert "no such topic; run booking topics create" in ran.err
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments", [("topics", "check"), ("send", "get_booking", "{}"), ("watch", "replies")]
)
def test_a_kafka_that_is_away_is_one_line(
    booking: Booking, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.setenv("BOOKING_KAFKA__BOOTSTRAP_SERVERS", "127.0.0.1:1")
    ran = booking(*arguments)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == "booking: Kafka does not answer at 127.0.0.1:1\n"


def test_a_worker_without_its_topics_and_tables_says_what_to_run(
    booking: Booking, settings: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for partner in ("INVENTORY", "PRICING", "PAYMENT"):
        monkeypatch.setenv(f"BOOKING_{partner}__URL", "http://127.0.0.1:1")
    monkeypatch.setenv("BOOKING_DATABASE__URL", "sqlite+aiosqlite:///here.sqlite3")
    monkeypatch.setenv("BOOKING_AUTH__MODE", "off")
    monkeypatch.setenv("BOOKING_LOG__LEVEL", "ERROR")
    ran = booking("run")
    assert (ran.code, ran.out) == (1, "")
    assert "booking migrate" in ran.err
    assert "booking topics create" in ran.err
    assert "Traceback" not in ran.err
