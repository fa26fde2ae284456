"""Headers are bytes from strangers: one reply comes out, and nobody else suffers."""

from __future__ import annotations

from typing import Final

import pytest

from domain.effects import GetQuote
from tests.handlers.world import GUEST, HeaderList, World, bearer

TRACE: Final = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
ID: Final = b"00000000-0000-4000-8000-0000000000e1"
OURS: Final = (
    "authorization",
    "correlation_id",
    "reply_to",
    "reply_partition",
    "deadline",
    "traceparent",
    "tracestate",
    "content-type",
    "kafka_correlationId",
    "kafka_replyTopic",
    "kafka_replyPartition",
    "service-origin",
    "service-principal",
    "service-signature",
)
HOSTILE: Final[dict[str, HeaderList]] = {
    **{f"null {name}": [(name, None)] for name in OURS},
    **{f"binary {name}": [(name, bytes(range(128, 256)))] for name in OURS},
    **{f"huge {name}": [(name, b"9" * 1_000_000)] for name in OURS},
    **{f"empty {name}": [(name, b"")] for name in OURS},
    **{f"repeated {name}": [(name, TRACE), (name, b"1")] for name in OURS},
    "ten thousand": [(f"h{n}", b"x") for n in range(10_000)],
    "ten thousand of one": [("correlation_id", b"x")] * 10_000,
    "names": [("", b"x"), ("\udcff\udcfe", b"x"), ("a\x00b", b"x"), ("é", b"x")],
    "trace of tomorrow": [("traceparent", b"01" + TRACE[2:] + b"-\xff\xfe")],
    "trace with a line": [("traceparent", b"01" + TRACE[2:] + b"-a\r\nb: c")],
    "trace with letters": [("traceparent", b"01" + TRACE[2:] + b"-\xc3\xa9")],
    "partition": [("reply_partition", b"\xd9\xa1")],
    "deadline": [("deadline", b"9999-12-31T23:59:59.999999-23:59")],
    "early deadline": [("deadline", b"0001-01-01T00:00:00+23:59")],
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("partition", [0, 1], ids=["home", "stray"])
async def test_a_command_with_such_headers_gets_one_reply_and_hurts_nobody(
    world: World, name: str, partition: int
) -> None:
    before = world.create(hour=0)
    hostile = HOSTILE[name]
    mine = [] if hostile[0][0] == "authorization" else [("authorization", bearer(GUEST))]
    world.create(by=None, hour=0, headers=[*mine, *hostile], partition=partition)
    after = world.create(hour=0)
    await world.deliver(abort=True)
    await world.settle()
    assert world.reply_to(before).status == world.reply_to(after).status == 201
    assert len(world.replies) == 3
    for header in (header for trace in world.partners.traces for header in trace.values()):
        assert header.isascii()
        assert header.isprintable()


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_query_with_such_headers_gets_one_reply_and_hurts_nobody(
    world: World, name: str
) -> None:
    value = b'{"type": "get_booking", "query_id": "%s", "data": {"booking_id": "%s"}}' % (ID, ID)
    outputs = await world.queries.answer(
        [world.query(value), world.query(value, headers=HOSTILE[name]), world.query(value)]
    )
    assert len(outputs) == 3


@pytest.mark.parametrize("correlation", [b"\xff\xfe", b"", None, b"x" * 100_000])
async def test_a_correlation_id_that_cannot_be_read_counts_as_absent(
    world: World, correlation: bytes | None
) -> None:
    command_id = world.create(headers=[("correlation_id", correlation)])
    await world.deliver()
    assert world.reply_to(command_id).status == 201


async def test_a_trace_is_carried_to_partners_and_events(world: World) -> None:
    world.create(headers=[("traceparent", TRACE), ("tracestate", b"shop=1")])
    await world.deliver()
    assert world.partners.made(GetQuote)
    for trace in world.partners.traces:
        assert trace == {"traceparent": TRACE.decode(), "tracestate": "shop=1"}
    (event,) = world.to("booking.events")
    assert TRACE.split(b"-")[1] in dict(event.headers)["traceparent"]


@pytest.mark.parametrize(
    "headers",
    [
        [("x", b"9" * 6_000_000)],
        [("y" * 6_000_000, b"9")],
        [("correlation_id", b"9" * 6_000_000)],
        [("correlation_id", b"9" * 100)] * 60_000,
        [(f"h{n}", b"9" * 100) for n in range(60_000)],
    ],
    ids=["value", "name", "ours", "often", "many"],
)
async def test_what_goes_on_to_another_topic_fits_whatever_came(
    world: World, headers: HeaderList
) -> None:
    """Kafka weighs what comes compressed; what it refuses from us would stop the lane."""
    asked = world.create(partition=1, headers=headers)
    world.send_bytes(b"garbage", headers=headers)
    await world.settle()
    assert world.reply_to(asked).status == 201
    for each in (*world.to("booking.dead-letter"), *world.to("booking.commands")):
        size = len(each.value) + sum(len(name) + len(value) for name, value in each.headers)
        assert size < 128 * 1024
    (letter,) = world.to("booking.dead-letter")
    assert dict(letter.headers)["dlq_cut"] == b"true"
