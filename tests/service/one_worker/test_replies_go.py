"""Where replies go: to the topic asked for when it is allowed, for Spring's clients as well."""

from __future__ import annotations

import json
import struct
from uuid import uuid4

import pytest

from tests.service.builders import a_create
from tests.service.callers import a_guest
from tests.service.client import Header, Reply
from tests.service.house import House

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def create(house: House, headers: list[Header], correlation_id: bytes | None = None) -> Reply:
    """The reply to a create with these headers beside its token."""
    guest, id_ = a_guest(), str(uuid4())
    message = {"type": "create_booking", "command_id": id_, "data": a_create()}
    own = [pair for pair in house.client.headers(guest, b"") if pair[0] == "authorization"]
    sent = await house.client.publish(
        "commands",
        json.dumps(message).encode(),
        headers=[*own, *headers],
        correlation_id=correlation_id or id_.encode(),
    )
    reply = await house.client.reply_to_sent(sent)
    assert reply.status == 201
    return reply


async def test_without_a_wish_replies_go_to_the_default_topic(house: House) -> None:
    reply = await create(house, [])
    assert reply.record.topic == f"{house.prefix}.replies"
    assert reply.headers["content-type"] == b"application/json"
    assert "reply_to_refused" not in reply.headers


async def test_a_client_names_its_own_topic_and_partition(house: House) -> None:
    own = f"{house.prefix}.replies.tests"
    reply = await create(house, [("reply_to", own.encode()), ("reply_partition", b"2")])
    assert (reply.record.topic, reply.record.partition) == (own, 2)


@pytest.mark.parametrize(
    "wish",
    [
        [("reply_to", b"{prefix}.events")],
        [("reply_to", b"{prefix}.commands")],
        [("reply_to", b"{prefix}.repliesx")],
        [("reply_to", b"{prefix}.replies.nobody")],
        [("reply_to", b"")],
        [("reply_to", b"{prefix}.replies.tests"), ("reply_partition", b"3")],
        [("reply_to", b"{prefix}.replies.tests"), ("reply_partition", b"first")],
    ],
)
async def test_a_wish_that_cannot_be_granted_is_said_to_be_refused(
    house: House, wish: list[tuple[str, bytes]]
) -> None:
    named: list[Header] = [
        (name, value.replace(b"{prefix}", house.prefix.encode())) for name, value in wish
    ]
    reply = await create(house, named)
    assert reply.record.topic == f"{house.prefix}.replies"
    assert reply.headers["reply_to_refused"] == b"true"


async def test_springs_request_and_reply_headers_are_understood(house: House) -> None:
    opaque = bytes(range(240, 256))
    reply = await create(
        house,
        [
            ("kafka_correlationId", opaque),
            ("kafka_replyTopic", f"{house.prefix}.replies.tests".encode()),
            ("kafka_replyPartition", struct.pack(">i", 1)),
        ],
        correlation_id=opaque,
    )
    assert reply.record.topic == f"{house.prefix}.replies.tests"
    assert reply.record.partition == 1
    assert reply.headers["kafka_correlationId"] == opaque


async def test_springs_reply_topic_is_under_the_same_rule(house: House) -> None:
    opaque = uuid4().bytes
    reply = await create(
        house,
        [("kafka_correlationId", opaque), ("kafka_replyTopic", f"{house.prefix}.events".encode())],
        correlation_id=opaque,
    )
    assert reply.record.topic == f"{house.prefix}.replies"
    assert reply.headers["reply_to_refused"] == b"true"
