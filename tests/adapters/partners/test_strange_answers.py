"""Answers that even a stand-in does not give, from a server that says one thing only."""

from __future__ import annotations

import asyncio
import gzip
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from adapters.partners import PartnerSettings
from domain.booking import PaymentStatus
from domain.effects import Intent, PartnerCall, PartnerUnavailable, Refunded, Released
from tests.adapters.partners.conftest import (
    CHECK,
    INTENT,
    RELEASE,
    Town,
    a_confirm,
    a_find,
    a_refund,
    an_update,
)


@asynccontextmanager
async def one_answer(
    town: Town, body: bytes, *headers: str, **settings: Any
) -> AsyncIterator[list[bytes]]:
    """All three partners give this answer; yields the heads of the requests they got."""
    heads: list[bytes] = []
    lines = ["HTTP/1.1 200 OK", f"content-length: {len(body)}", "connection: close", *headers]
    answer = "\r\n".join([*lines, "\r\n"]).encode() + body

    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(say, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        await town.open(urls=(f"http://127.0.0.1:{port}",), **settings)
        yield heads
        await town.close()


@pytest.mark.parametrize(
    ("call", "body", "detail"),
    [
        (a_confirm("pi_1"), b'{"payment_intent_id":"pi_2","status":"succeeded"}', "got another"),
        (a_confirm("pi_1"), b'{"payment_intent_id":"pi_1","status":"paid"}', "got 'paid'"),
        (
            a_find("pi_1"),
            b'{"payment_intent_id":"pi_2","status":"succeeded","amount":1,"currency":"EUR"}',
            "got another",
        ),
        (INTENT, b'{"payment_intent_id":"pi_1","status":"succeeded?"}', "expected one of"),
        (a_refund("pi_1"), b'{"refund_id":"r","status":"succeeded","amount":109.99}', "got 109.99"),
        (a_refund("pi_1"), b'{"refund_id":"r","status":"failed","amount":110}', "is 'failed'"),
        (an_update("res_1"), b'{"reservation_id":"res_2","updated":true}', "got another"),
        (an_update("res_1"), b'{"reservation_id":"res_1","updated":false}', "not updated"),
    ],
)
async def test_an_answer_to_another_question_is_no_answer(
    town: Town, call: PartnerCall, body: bytes, detail: str
) -> None:
    async with one_answer(town, body):
        answer = await town.ask(call)
    assert isinstance(answer, PartnerUnavailable)
    assert detail in answer.detail


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("requires_a_phone_call", PaymentStatus.REQUIRES_PAYMENT),
        ("refunded", PaymentStatus.FAILED),
    ],
)
async def test_a_payment_that_still_needs_something_or_went_back_is_not_paid(
    town: Town, word: str, status: PaymentStatus
) -> None:
    body = f'{{"payment_intent_id":"pi_1","status":"{word}"}}'.encode()
    async with one_answer(town, body):
        assert await town.ask(a_confirm("pi_1")) == Intent("pi_1", status)


async def test_a_refund_may_be_called_completed(town: Town) -> None:
    async with one_answer(town, b'{"refund_id":"r","status":"completed","amount":"110.00"}'):
        assert isinstance(await town.ask(a_refund("pi_1")), Refunded)


async def test_a_release_needs_no_body(town: Town) -> None:
    async with one_answer(town, b""):
        assert await town.ask(RELEASE) == Released()


async def test_a_compressed_answer_is_neither_asked_for_nor_unfolded(town: Town) -> None:
    body = gzip.compress(b'{"available":true}')
    async with one_answer(town, body, "content-encoding: gzip") as heads:
        assert isinstance(await town.ask(CHECK), PartnerUnavailable)
    assert b"accept-encoding" not in heads[0].lower()


async def test_the_token_is_sent_and_never_shown(town: Town) -> None:
    async with one_answer(town, b"", token="s3cret") as heads:
        await town.ask(RELEASE)
    assert b"\r\nauthorization: bearer s3cret\r\n" in heads[0].lower()
    assert "s3cret" not in repr(PartnerSettings(("http://partner",), token="s3cret"))


async def test_calls_one_after_another_share_connections(town: Town) -> None:
    calls, connections, answered = 10, 0, 0

    async def answer_all(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections, answered
        connections += 1
        with suppress(asyncio.IncompleteReadError):
            while answered < calls:  # or the server would wait for the client to let go
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"content-length: (\d+)", head.lower())
                await reader.readexactly(int(length[1]) if length else 0)
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                answered += 1
        writer.close()

    async with await asyncio.start_server(answer_all, "127.0.0.1", 0) as server:
        await town.open(urls=(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}",))
        assert [await town.ask(RELEASE) for _ in range(calls)] == [Released()] * calls
        await town.close()
    assert connections <= 2  # the client's own thread may still be putting the first one back


async def test_an_endless_body_without_a_length_is_left_off(town: Town) -> None:
    sent_bytes = 0

    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent_bytes
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        with suppress(ConnectionError):
            while True:
                writer.write(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
                sent_bytes += 0x10000
                await writer.drain()
        writer.close()

    async with await asyncio.start_server(pour, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        await town.open(urls=(f"http://127.0.0.1:{port}",))
        answer = await town.ask(CHECK)
        assert isinstance(answer, PartnerUnavailable)
        assert answer.detail == "unusable answer: expected at most 262144 bytes, got more"
        await town.close()
    assert sent_bytes < 16 * 1024 * 1024  # what the sockets and the client had buffered
